// What comes first in a table that grows at its top: who looks further down keeps the rows in
// sight, and a button says how many have come above. Joined before table.js.

// "Just now" is not so for long.
const TIMES_MS = 15_000;

class News {
  constructor(view, isLive) {
    this.view = view;
    this.isLive = isLive;
    this.count = 0;
    this.button = element("button", "ghostnb-news", { type: "button", hidden: "", title: "Show what is new" });
    this.button.addEventListener("click", () => this.show());
    if (isLive) this.ticking = setInterval(() => this.drawTimes(), TIMES_MS);
  }

  detach() {
    clearInterval(this.ticking);
  }

  // Where rows have come above what was first in sight, it is so again.
  hold() {
    const { view, top } = this, { body } = view;
    if (!this.isLive || !top || !body.clientHeight || !body.scrollTop) return;
    const place = view.rows.place(top.key);
    if (place < 0 || place === top.place) return;
    body.scrollTop += (place - top.place) * ROW_PX;
    this.count += Math.max(0, place - top.place);
  }

  // Notes what is first in sight; a table that nobody sees is as it was.
  look() {
    const { view } = this, { body } = view;
    if (!this.isLive || !body.clientHeight) return;
    const place = Math.floor(body.scrollTop / ROW_PX);
    this.top = place < view.rows.view.length ? { place, key: view.rows.keyAt(place) } : null;
    if (!body.scrollTop) this.count = 0;
    if (!this.count && document.activeElement === this.button) body.focus();
    this.button.textContent = `${this.count.toLocaleString("en")} new ▴`;
    this.button.hidden = !this.count;
  }

  // In another order, or among fewer rows, nothing is above that was not before.
  forget() {
    this.top = null;
    this.count = 0;
  }

  show() {
    this.forget();
    this.view.body.focus();
    this.view.body.scrollTop = 0;
    this.view.draw();
  }

  drawTimes() {
    const { drawn, head } = this.view;
    head.columns.shown.forEach((column, index) => {
      if (column.kind !== "time") return;
      for (const { cells, values } of drawn.values()) cells[index].textContent = formatValue(values[index], "time");
    });
  }
}
