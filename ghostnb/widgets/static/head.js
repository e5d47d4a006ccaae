// A table's head: its columns' names, by which it is sorted, and a box for all rows.
// Joined before table.js.

class TableHead {
  constructor(rows, hasBox, { all, by }) {
    this.rows = rows;
    this.hasBox = hasBox;
    this.sortBy = by;
    this.root = element("div", "ghostnb-row ghostnb-columns", { role: "row", "aria-rowindex": 1 });
    this.everything = element("input", "", { type: "checkbox", tabindex: -1, "aria-label": "Select all matching" });
    this.everything.addEventListener("click", all);
  }

  // Made anew when other columns show, and only then: the keyboard may be in it. Says whether.
  draw(table) {
    this.columns = new Columns(this.rows);
    const { shown } = this.columns, tracks = this.columns.tracksWith(this.hasBox);
    const look = `${shown.map((column) => column.name)} ${tracks}`;
    const areOther = look !== this.look;
    if (areOther) {
      this.look = look;
      table.style.setProperty("--ghostnb-tracks", tracks);
      const cells = shown.map((column, index) => this.columns.pin(this.cell(column, index), index, this.hasBox));
      if (this.hasBox) cells.unshift(boxCell("columnheader", this.everything));
      this.root.replaceChildren(...cells);
    }
    this.drawSort();
    return areOther;
  }

  cell(column, index) {
    const cell = element("span", `ghostnb-cell ghostnb-cell-${column.kind}`, { role: "columnheader", "aria-colindex": index + 1 });
    if (column.kind === "action" || !column.label) return cell;
    const button = element("button", "ghostnb-sort", { type: "button", "data-sort": column.name, "data-label": column.label });
    button.addEventListener("click", () => this.sortBy(column.name));
    cell.append(button);
    return cell;
  }

  drawSort() {
    const { sort } = this.rows;
    for (const button of this.root.querySelectorAll(".ghostnb-sort")) {
      const order = sort?.name !== button.dataset.sort ? "none" : sort.descending ? "descending" : "ascending";
      button.parentElement.setAttribute("aria-sort", order);
      button.textContent = button.dataset.label + { none: "", ascending: " ▴", descending: " ▾" }[order];
    }
  }
}

function boxCell(role, box) {
  return pinTo(element("span", "ghostnb-cell ghostnb-cell-box", { role }, box), "left", []);
}
