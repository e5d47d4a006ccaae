// The cells of a table, by the kind of their column. Joined before table.js.

function makeCell(column, value) {
  const cell = element("span", `ghostnb-cell ghostnb-cell-${column.kind}`, { role: "gridcell" });
  if (column.kind === "action") {
    cell.append(element("button", "", { type: "button", tabindex: -1, "data-action": column.name }, column.label));
  } else if (column.kind === "badges") {
    cell.title = (value ?? []).join(", ");
    for (const badge of value ?? []) cell.append(element("span", "ghostnb-badge", {}, badge));
  } else if (column.kind === "dot") {
    const state = value ?? "unknown";
    cell.append(element("span", `ghostnb-dot ghostnb-dot-${state}`, { role: "img", "aria-label": state, title: state }));
  } else {
    if (column.kind === "outcome") cell.dataset.outcome = value;
    cell.textContent = formatValue(value, column.kind);
    cell.title = fullValue(value, column.kind);
  }
  return cell;
}
