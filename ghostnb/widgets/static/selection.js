// Which rows of a table are selected, by key. Joined before table.js.

class Selection {
  constructor(rows, isMultiple) {
    this.rows = rows;
    this.isMultiple = isMultiple;
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
}
