// A table of any number of rows, of which only those in sight are in the document.
//
// The rows come as messages, not as state of the model: they can be appended
// without sending all again, and no notebook saves them. Whoever opens the
// model asks for them ("ready").

const ROW_PX = 28;
const SPARE_ROWS = 8;
const SETTLED_MS = 80;
// A selection of more rows is told when it has settled.
const MANY_ROWS = 1000;

// One for each model, shared by its views.
function open() {
  const rows = new Rows();
  const table = { rows, selection: new Selection(rows), generation: 0, listeners: new Set() };
  return {
    initialize: ({ model }) => listen(model, table),
    render: ({ model, el }) => {
      const view = new TableView(model, table, el);
      view.attach();
      return () => view.detach();
    },
  };
}

class TableView {
  constructor(model, table, el) {
    this.model = model;
    this.table = table;
    this.rows = table.rows;
    this.selection = table.selection;
    this.active = null;
    this.drawn = new Map();
    this.id = `ghostnb-${Math.random().toString(36).slice(2)}`;
    this.build(el);
  }

  // What it is made of

  build(el) {
    const label = this.model.get("label");
    this.count = element("span", "ghostnb-count", { "aria-live": "polite" });
    this.news = new News(this, this.model.get("_is_live"));
    this.filter = element("input", "ghostnb-filter", {
      type: "search", placeholder: "Filter", "aria-label": `Filter ${label.toLowerCase()}`,
    });
    // Another view may have filtered the rows, before its tab was left.
    this.filter.value = this.rows.filter;
    this.bar = new SelectionBar(label, this.selection, {
      all: () => this.chooseAll(), none: () => this.chooseNone(), tell: (name) => this.act(name),
    });
    this.head = new TableHead(this.rows, this.selection.isMultiple, {
      all: () => this.chooseAll(), by: (name) => this.sortBy(name),
    });
    this.space = element("div", "ghostnb-space", { role: "rowgroup" });
    this.state = element("div", "ghostnb-state", { role: "status" });
    this.body = element("div", "ghostnb-body", {
      role: "grid", tabindex: 0, "aria-label": label,
      "aria-multiselectable": String(this.model.get("multiple")),
    });
    this.body.append(element("div", "ghostnb-head", { role: "rowgroup" }, this.head.root), this.space);
    this.root = element("div", "ghostnb ghostnb-table", { id: this.id },
      element("div", "ghostnb-title", {}, element("span", "ghostnb-label", {}, label), this.count, this.news.button, this.filter),
      this.state, this.body, this.bar.root);
    this.root.style.setProperty("--ghostnb-height", this.model.get("height"));
    this.rowButtons = new RowButtons(this);
    mount(this.root, el);
  }

  // What it listens to

  attach() {
    this.onRows = () => this.refresh();
    this.table.listeners.add(this.onRows);
    this.onState = () => this.drawState();
    this.onMessage = (message) => message.kind === "focus" && takeFocus(this.root, this.body);
    this.onActions = () => this.drawChosen();
    this.model.on("change:_state", this.onState);
    this.model.on("change:_actions", this.onActions);
    this.model.on("msg:custom", this.onMessage);
    this.filter.addEventListener("input", () => this.applyFilter());
    this.body.addEventListener("scroll", () => this.draw());
    this.body.addEventListener("keydown", (event) => this.onKey(event));
    this.space.addEventListener("mousedown", (event) => event.shiftKey && event.preventDefault());
    this.space.addEventListener("click", (event) => this.onClick(event));
    this.space.addEventListener("dblclick", (event) => this.onDoubleClick(event));
    this.resized = new ResizeObserver(() => this.draw());
    this.resized.observe(this.body);
    this.refresh();
  }

  detach() {
    this.table.listeners.delete(this.onRows);
    this.model.off("change:_state", this.onState);
    this.model.off("change:_actions", this.onActions);
    this.model.off("msg:custom", this.onMessage);
    this.tellSelected();
    this.resized.disconnect();
    this.news.detach();
    clearTimeout(this.settling);
  }

  onClick(event) {
    const key = this.keyOf(event.target);
    if (key === null) return;
    const action = event.target.closest("[data-action]");
    this.moveTo(key);
    if (action) return this.model.send({ kind: "action", name: action.dataset.action, key });
    const isBox = event.target.closest(".ghostnb-box");
    if (event.shiftKey) this.selection.range(key);
    else if (event.ctrlKey || event.metaKey || isBox) this.selection.toggle(key);
    else this.selection.only(key);
    this.choose();
  }

  onDoubleClick(event) {
    const key = this.keyOf(event.target);
    if (key !== null && !event.target.closest("button, input")) this.activate(key);
  }

  keyOf(target) {
    const row = target.closest("[data-place]");
    return row ? this.rows.keyAt(Number(row.dataset.place)) : null;
  }

  onKey(event) {
    const button = event.target.closest("[data-action]");
    if (event.target !== this.body && !button) return;
    // What was reached before may be gone: then it goes on at what is selected.
    if (this.rows.place(this.active) < 0) this.active = this.selection.first();
    const isTaken = button ? this.rowButtons.press(event.key, button)
      : this.rowButtons.enter(event.key) || this.press(event.key, event.shiftKey, event.ctrlKey || event.metaKey);
    if (!isTaken) return;
    event.preventDefault();
    event.stopPropagation();
  }

  // Says whether the key meant something here.
  press(key, isShift, isControl) {
    const step = { ArrowDown: 1, ArrowUp: -1, PageDown: this.page(), PageUp: -this.page(), Home: -Infinity, End: Infinity }[key];
    if (step !== undefined) {
      this.step(step, isShift);
      return true;
    }
    if (key === "a" && isControl && this.selection.isMultiple) this.selection.matching();
    else if (key === "Escape" && this.selection.keys.size) this.selection.none();
    else if (this.active === null) return false;
    else if (key === " ") this.selection.toggle(this.active);
    else if (key === "Enter") return this.enter();
    else return false;
    this.choose();
    return true;
  }

  enter() {
    if (!this.selection.isMultiple) {
      this.selection.only(this.active);
      this.choose();
    }
    this.activate(this.active);
    return true;
  }

  activate(key) {
    this.tellSelected();
    this.model.send({ kind: "activate", key });
  }

  page() {
    return Math.max(1, Math.floor((this.body.clientHeight - ROW_PX) / ROW_PX) - 1);
  }

  step(step, isRange) {
    const last = this.rows.view.length - 1;
    if (last < 0) return;
    const from = this.active === null ? -1 : this.rows.place(this.active);
    const place = Math.min(last, Math.max(0, from < 0 && step < 0 && Number.isFinite(step) ? last : from + step));
    if (isRange && this.selection.anchor === null && this.active !== null) this.selection.anchor = this.active;
    this.moveTo(this.rows.keyAt(place));
    if (isRange) {
      this.selection.range(this.active);
      this.choose();
    }
  }

  isInSight(key) {
    const top = this.rows.place(key) * ROW_PX;
    return top >= this.body.scrollTop && top < this.body.scrollTop + this.body.clientHeight - ROW_PX;
  }

  moveTo(key) {
    this.active = key;
    const top = this.rows.place(key) * ROW_PX, room = this.body.clientHeight - 2 * ROW_PX;
    if (top < this.body.scrollTop) this.body.scrollTop = top;
    else if (top > this.body.scrollTop + room) this.body.scrollTop = top - room;
    this.draw();
  }

  // What changes

  applyFilter() {
    this.rows.filter = this.filter.value;
    this.news.forget();
    this.rows.arrange();
    this.body.scrollTop = 0;
    this.refresh();
  }

  sortBy(name) {
    const sort = this.rows.sort;
    const descending = sort?.name === name && !sort.descending;
    this.rows.sort = { name, descending };
    this.news.forget();
    this.rows.arrange();
    this.refresh();
  }

  chooseAll() {
    if (this.selection.hasMatching()) this.selection.none();
    else this.selection.matching();
    this.choose();
  }

  // The bar goes, and the keyboard stays with the rows.
  chooseNone() {
    this.selection.none();
    this.body.focus();
    this.choose();
  }

  choose() {
    clearTimeout(this.telling);
    const wait = this.selection.keys.size > MANY_ROWS ? SETTLED_MS : 0;
    this.telling = setTimeout(() => this.tellSelected(), wait);
    this.revealed = this.selection.first();
    const isCovered = this.bar.root.hidden && this.isInSight(this.active);
    this.drawChosen();
    // The bar may have come where the row was.
    if (isCovered) this.moveTo(this.active);
    else this.draw();
  }

  tellSelected() {
    if (!this.telling) return;
    clearTimeout(this.telling);
    this.telling = null;
    if (isLive(this.root)) this.model.send({ kind: "selected", generation: this.table.generation, runs: this.selection.runs() });
  }

  act(name) {
    this.tellSelected();
    this.model.send({ kind: "press", name });
  }

  // Which columns show depends on what is known.
  refresh() {
    const areOther = this.head.draw(this.root);
    this.rowButtons.keep(() => {
      if (areOther) {
        this.drawn.clear();
        this.space.replaceChildren();
      }
      this.drawChosen();
      this.draw();
    });
    this.reveal();
  }

  // What a link has selected is brought into sight, once it is there.
  reveal() {
    const [key] = this.selection.keys;
    const isTold = this.selection.keys.size === 1 && ![this.active, this.revealed].includes(key);
    if (!isTold || this.rows.place(key) < 0 || !this.body.clientHeight) return;
    this.revealed = key;
    this.moveTo(key);
  }

  // What is seen

  draw() {
    const { view, keys } = this.rows;
    this.count.textContent = view.length === keys.length ? keys.length.toLocaleString("en")
      : `${view.length.toLocaleString("en")} of ${keys.length.toLocaleString("en")}`;
    this.body.setAttribute("aria-rowcount", view.length + 1);
    this.space.style.height = `${view.length * ROW_PX}px`;
    this.news.hold();
    const first = Math.max(0, Math.floor(this.body.scrollTop / ROW_PX) - SPARE_ROWS);
    const last = Math.min(view.length, Math.ceil((this.body.scrollTop + this.body.clientHeight) / ROW_PX) + SPARE_ROWS);
    for (const [place, { row }] of this.drawn) {
      if (place < first || place >= last) {
        row.remove();
        this.drawn.delete(place);
      }
    }
    for (let place = first; place < last; place += 1) this.drawRow(place);
    this.news.look();
    this.drawState();
    clearTimeout(this.settling);
    this.settling = setTimeout(() => this.tellVisible(first, last), SETTLED_MS);
  }

  // A row stays as long as it is the same row: somebody may be pressing the mouse on it.
  drawRow(place) {
    const number = this.rows.view[place], key = this.rows.keys[number];
    let drawn = this.drawn.get(place);
    if (drawn?.key !== key) {
      drawn?.row.remove();
      drawn = { key, row: this.makeRow(place), cells: [], values: [] };
      this.drawn.set(place, drawn);
      this.space.append(drawn.row);
    }
    this.drawCells(drawn, number);
    const { row } = drawn, isSelected = this.selection.keys.has(key), isActive = key === this.active;
    row.setAttribute("aria-selected", isSelected);
    row.classList.toggle("ghostnb-active", isActive);
    if (isActive) this.body.setAttribute("aria-activedescendant", row.id);
    const box = row.querySelector(".ghostnb-box");
    if (box) box.checked = isSelected;
  }

  makeRow(place) {
    const row = element("div", "ghostnb-row", {
      role: "row", id: `${this.id}-${place}`, "aria-rowindex": place + 2, "data-place": place,
    });
    row.style.transform = `translateY(${place * ROW_PX}px)`;
    if (this.selection.isMultiple) {
      const box = element("input", "ghostnb-box", { type: "checkbox", tabindex: -1, "aria-label": "Select" });
      row.append(boxCell("gridcell", box));
    }
    return row;
  }

  drawCells({ row, cells, values }, number) {
    const { columns } = this.head;
    columns.shown.forEach((column, index) => {
      const value = this.rows.value(number, column.name), old = cells[index];
      if (old && values[index] === value) return;
      values[index] = value;
      cells[index] = columns.pin(makeCell(column, value), index, this.selection.isMultiple);
      if (old) old.replaceWith(cells[index]);
      else row.append(cells[index]);
    });
  }

  drawChosen() {
    if (!this.selection.isMultiple) return;
    const isAll = this.selection.hasMatching();
    this.head.everything.checked = isAll;
    this.head.everything.indeterminate = !isAll && this.selection.keys.size > 0;
    this.bar.draw(this.model.get("_actions"), this.rows.columns);
  }

  drawState() {
    const instead = () => (isSeen(this.body) ? this.body : this.state.querySelector("button") ?? this.filter);
    keepFocus(this.root, () => this.drawSaid(this.model.get("_state")), instead);
  }

  drawSaid(state) {
    const isFiltered = this.rows.keys.length > 0 && this.rows.view.length === 0;
    const isShown = isFiltered || state.kind === "error" || state.kind === "partial"
      || (this.rows.keys.length === 0 && state.kind !== "ready");
    this.root.dataset.state = state.kind;
    this.root.setAttribute("aria-busy", state.kind === "loading");
    this.body.hidden = this.rows.keys.length === 0 && state.kind === "error";
    this.state.hidden = !isShown;
    if (!isShown) return;
    const said = isFiltered ? { kind: "empty", text: "Nothing matches the filter.", hint: "" } : state;
    this.state.className = `ghostnb-state ghostnb-state-${said.kind}`;
    this.state.replaceChildren(element("span", "ghostnb-said", {}, said.text));
    if (said.hint) this.state.append(element("span", "ghostnb-hint", {}, said.hint));
    if (said.retry) {
      const retry = element("button", "ghostnb-retry", { type: "button" }, "Retry");
      retry.addEventListener("click", () => this.model.send({ kind: "retry" }));
      this.state.append(retry);
    }
  }

  tellVisible(first, last) {
    if (!this.model.get("_wants_visible") || !isLive(this.root)) return;
    const keys = [];
    for (let place = first; place < last; place += 1) keys.push(this.rows.keyAt(place));
    if (!keys.length) return;
    try {
      this.model.send({ kind: "visible", keys });
    } catch {
      // The page is being left, and its kernel has gone before it: nobody will look at the rows.
    }
  }
}

export default open;
