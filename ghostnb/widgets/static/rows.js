// The rows of a table: kept by column, filtered and sorted as numbers of rows.
// Joined before table.js.

// So many texts are made before it is asked again whether there is time for more.
const TEXTS_AT_ONCE = 250;
const SLICE_MS = 8;

const collator = new Intl.Collator("en", { numeric: true, sensitivity: "base" });

class Rows {
  constructor() {
    this.columns = [];
    this.clear();
    this.filter = "";
    this.sort = null;
  }

  clear() {
    this.stopPreparing();
    this.values = {};
    this.keys = [];
    this.numbers = new Map();
    this.texts = [];
    this.view = [];
  }

  configure(columns, sort, isLive = false) {
    this.columns = columns;
    this.sort = sort;
    this.isLive = isLive;
  }

  // Rows with a known key replace what is known of it; the others come last.
  put(keys, values) {
    keys.forEach((key, position) => {
      let number = this.numbers.get(key);
      if (number === undefined) {
        number = this.keys.push(key) - 1;
        this.numbers.set(key, number);
      }
      for (const name in values) (this.values[name] ??= [])[number] = values[name][position];
      this.texts[number] = undefined;
      this.unprepared.push(number);
    });
    this.arrange();
    this.prepare();
  }

  // Texts are made while nothing else is to be done, so that the first letter
  // of a filter need not wait for all of them.
  prepare() {
    if (!this.unprepared.length) return;
    this.preparing ??= whenIdle((timeLeft) => {
      this.preparing = null;
      while (this.unprepared.length && timeLeft() > 0) {
        for (const number of this.unprepared.splice(-TEXTS_AT_ONCE)) this.text(number);
      }
      this.prepare();
    });
  }

  stopPreparing() {
    this.preparing?.();
    this.preparing = null;
    this.unprepared = [];
  }

  value(number, name) {
    return this.values[name]?.[number] ?? null;
  }

  // Whether any row has a value there.
  isKnown(name) {
    return this.values[name]?.some((value) => value !== null && value !== undefined && value.length !== 0) ?? false;
  }

  // What the filter looks through: all that is shown as text, in lower case.
  text(number) {
    return (this.texts[number] ??= this.columns
      .filter((column) => column.kind !== "action")
      .map((column) => formatValue(this.value(number, column.name), column.kind))
      .join("\n")
      .toLowerCase());
  }

  arrange() {
    const words = this.filter.toLowerCase().split(/\s+/).filter(Boolean);
    const view = [];
    for (let number = 0; number < this.keys.length; number += 1) {
      if (!words.length || words.every((word) => this.text(number).includes(word))) view.push(number);
    }
    if (this.sort) this.order(view, this.sort.name, this.sort.descending ? -1 : 1);
    this.view = view;
    this.places = null;
  }

  // What is unknown comes last either way; what is equal stays in its order, or in a live table
  // what came last stands first.
  order(view, name, sign) {
    const values = this.values[name] ?? [];
    const isText = this.columns.find((column) => column.name === name)?.kind !== "digest";
    const compare = (a, b) =>
      isText && typeof a === "string" ? collator.compare(a, b) : a < b ? -1 : a > b ? 1 : 0;
    const tie = this.isLive ? -1 : 1;
    view.sort((left, right) => {
      const a = values[left] ?? null, b = values[right] ?? null;
      if (a === null || b === null) return (a === null) - (b === null) || tie * (left - right);
      return sign * compare(a, b) || tie * (left - right);
    });
  }

  // Where a row stands in the view; -1 if it does not.
  place(key) {
    const number = this.numbers.get(key);
    if (number === undefined) return -1;
    this.places ??= new Map(this.view.map((one, place) => [one, place]));
    return this.places.get(number) ?? -1;
  }

  keyAt(place) {
    return this.keys[this.view[place]];
  }
}

// Takes what the model is sent, for all its views.
function listen(model, table) {
  const { rows, selection, listeners } = table;
  rows.configure(model.get("_columns"), model.get("_sort"), model.get("_is_live"));
  selection.isMultiple = model.get("multiple");
  const take = (message, buffers) => {
    if (message.kind === "reset") {
      rows.clear();
      table.generation = message.generation;
    } else if (message.kind === "select") selection.keys = new Set(message.keys);
    else if (message.kind !== "rows") return;
    if (buffers?.length) {
      const { keys, values } = JSON.parse(new TextDecoder().decode(buffers[0]));
      rows.put(keys, values);
    }
    for (const listener of listeners) listener();
  };
  model.on("msg:custom", take);
  announce(model);
  return () => {
    model.off("msg:custom", take);
    rows.stopPreparing();
  };
}

// Calls back once, with a function that gives the milliseconds that may be taken;
// gives what calls it off.
function whenIdle(work) {
  if (typeof requestIdleCallback === "function") {
    const handle = requestIdleCallback((deadline) => work(() => deadline.timeRemaining()));
    return () => cancelIdleCallback(handle);
  }
  const handle = setTimeout(() => {
    const end = performance.now() + SLICE_MS;
    work(() => end - performance.now());
  });
  return () => clearTimeout(handle);
}
