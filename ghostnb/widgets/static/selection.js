// Which rows of a table are selected, by key. Joined before table.js.

class Selection {
  constructor(rows) {
    this.rows = rows;
    this.isMultiple = false;
    this.keys = new Set();
    this.anchor = null;
  }

  only(key) {
    this.keys = new Set([key]);
    this.anchor = key;
  }

  toggle(key) {
    if (!this.isMultiple) return this.only(key);
    if (!this.keys.delete(key)) this.keys.add(key);
    this.anchor = key;
  }

  // From where the last selection began, to here.
  range(key) {
    const from = this.rows.place(this.anchor), to = this.rows.place(key);
    if (!this.isMultiple || from < 0 || to < 0) return this.only(key);
    this.keys = new Set();
    for (let place = Math.min(from, to); place <= Math.max(from, to); place += 1) {
      this.keys.add(this.rows.keyAt(place));
    }
  }

  // All rows that the filter lets through.
  matching() {
    if (this.isMultiple) this.keys = new Set(this.rows.view.map((number) => this.rows.keys[number]));
  }

  none() {
    this.keys = new Set();
  }

  first() {
    return this.keys.values().next().value ?? null;
  }

  hasMatching() {
    const { view, keys } = this.rows;
    return view.length > 0 && view.length <= this.keys.size && view.every((number) => this.keys.has(keys[number]));
  }

  // The numbers of the selected rows: first and last of each run. However many
  // rows stand together, it is two numbers.
  runs() {
    const known = [...this.keys].map((key) => this.rows.numbers.get(key)).filter((number) => number !== undefined);
    const runs = [];
    for (const number of Uint32Array.from(known).sort()) {
      if (runs.length && runs.at(-1) === number - 1) runs[runs.length - 1] = number;
      else runs.push(number, number);
    }
    return runs;
  }

  // What is known of a number in the selected rows: for how many, and its sum.
  sum(name) {
    let known = 0, sum = 0;
    for (const key of this.keys) {
      const value = this.rows.value(this.rows.numbers.get(key), name);
      if (value === null) continue;
      known += 1;
      sum += value;
    }
    return { known, sum };
  }
}
