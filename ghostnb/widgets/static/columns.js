// The columns of a table: which of them show, how wide they are, and which stay in sight
// when it is scrolled sideways. Joined before table.js.

const BOX_WIDTH = "30px";
// A badge's letter, what is around a badge, and around all of a cell.
const LETTER_PX = 8, BADGE_PX = 17, CELL_PX = 16;

class Columns {
  constructor(rows) {
    const shown = rows.columns.filter((column) => !column.is_optional || rows.isKnown(column.name));
    this.shown = shown;
    this.tracks = shown.map((column) => column.width ?? (column.kind === "badges" ? badgesWidth(rows, column) : "minmax(6em, 1fr)"));
    this.pins = pins(shown);
  }

  tracksWith(hasBox) {
    return [...(hasBox ? [BOX_WIDTH] : []), ...this.tracks].join(" ");
  }

  // What a row is known by stays at the left, and what can be done with it at the right.
  pin(cell, index, hasBox) {
    const side = this.pins[index];
    if (side) pinTo(cell, side, side === "left"
      ? [...(hasBox ? [BOX_WIDTH] : []), ...this.tracks.slice(0, index)]
      : this.tracks.slice(index + 1));
    return cell;
  }
}

const isFixed = (column) => /^\d+px$/.test(column.width ?? "");

function pins(columns) {
  const first = columns.findIndex((column) => column.kind === "text" || !isFixed(column));
  const afterLast = columns.findLastIndex((column) => column.kind !== "action" || !isFixed(column));
  return columns.map((_, index) => (index <= first ? "left" : index > afterLast ? "right" : ""));
}

function pinTo(cell, side, widths) {
  cell.classList.add("ghostnb-pinned");
  cell.style[side] = widths.length ? `calc(${widths.join(" + ")})` : "0";
  return cell;
}

function badgesWidth(rows, column) {
  const widths = rows.keys.map((_, number) =>
    (rows.value(number, column.name) ?? []).reduce((sum, badge) => sum + badge.length * LETTER_PX + BADGE_PX, 0));
  return `${Math.ceil(Math.max(0, ...widths)) + CELL_PX}px`;
}
