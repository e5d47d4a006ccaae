// Areas in proportion to sizes: squarified (Bruls, Huizing, van Wijk, 2000).

const SVG = "http://www.w3.org/2000/svg";
const WIDTH = 960;

function render({ model, el }) {
  const root = element("div", "ghostnb ghostnb-treemap");
  const draw = () => root.replaceChildren(...picture(model));
  model.on("change:items", draw);
  model.on("change:label", draw);
  root.addEventListener("click", (event) => activate(model, event.target));
  root.addEventListener("keydown", (event) => {
    if ((event.key === "Enter" || event.key === " ") && activate(model, event.target)) event.preventDefault();
  });
  draw();
  mount(root, el);
  return () => {
    model.off("change:items", draw);
    model.off("change:label", draw);
  };
}

function activate(model, target) {
  const tile = target.closest("[data-key]");
  if (tile) model.send({ kind: "activate", key: tile.dataset.key });
  return tile !== null;
}

function svg(tag, attributes, ...children) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

function picture(model) {
  const height = model.get("height_px"), label = model.get("label");
  const items = model.get("items").filter((item) => item.value > 0).sort((a, b) => b.value - a.value);
  const total = items.reduce((sum, item) => sum + item.value, 0);
  const text = `${label}: ${formatBytes(total)}`;
  if (!items.length) return [element("p", "ghostnb-state", {}, `${label}: nothing is stored.`)];
  const frame = svg("svg", { viewBox: `0 0 ${WIDTH} ${height}`, role: "group", "aria-label": text, width: "100%" });
  squarify(items, total, { x: 0, y: 0, width: WIDTH, height }).forEach(([item, box], index) => {
    frame.append(tile(item, box, index, item.value / total));
  });
  return [element("p", "ghostnb-sum", {}, text), frame];
}

function tile(item, box, index, share) {
  const text = `${item.label}: ${formatBytes(item.value)}, ${(100 * share).toFixed(1)} %`;
  const group = svg("g", { "data-key": item.key, class: `ghostnb-tile ghostnb-hue-${index % 6}`, tabindex: 0, role: "button", "aria-label": text });
  group.append(svg("title", {}, text), svg("rect", { ...box, rx: 2 }));
  const letters = Math.floor((box.width - 12) / 7.2);
  if (letters >= 4 && box.height >= 20) group.append(caption(box, shortened(item.label, letters), 15));
  if (letters >= 6 && box.height >= 36) group.append(caption(box, formatBytes(item.value), 31));
  return group;
}

const caption = (box, text, below) => svg("text", { x: box.x + 6, y: box.y + below }, text);
const shortened = (text, letters) => (text.length <= letters ? text : `${text.slice(0, letters - 1)}…`);

// Rows along the shorter side, each as long as its tiles become squarer by it.
function squarify(items, total, room) {
  const scale = (room.width * room.height) / total, placed = [];
  let rest = { ...room }, from = 0;
  while (from < items.length) {
    const side = Math.min(rest.width, rest.height);
    let to = from, sum = 0, worst = Infinity;
    while (to < items.length) {
      const grown = sum + items[to].value * scale;
      const ratio = worstRatio(items[from].value * scale, items[to].value * scale, grown, side);
      if (ratio > worst) break;
      [worst, sum, to] = [ratio, grown, to + 1];
    }
    rest = placeRow(items.slice(from, to), scale, sum, rest, placed);
    from = to;
  }
  return placed;
}

function worstRatio(largest, smallest, sum, side) {
  const square = sum * sum, length = side * side;
  return Math.max((length * largest) / square, square / (length * smallest));
}

function placeRow(row, scale, sum, room, placed) {
  const isUpright = room.width >= room.height;
  const depth = sum / (isUpright ? room.height : room.width);
  let offset = 0;
  for (const item of row) {
    const length = (item.value * scale) / depth;
    placed.push([item, isUpright
      ? { x: room.x, y: room.y + offset, width: depth, height: length }
      : { x: room.x + offset, y: room.y, width: length, height: depth }]);
    offset += length;
  }
  return isUpright
    ? { x: room.x + depth, y: room.y, width: room.width - depth, height: room.height }
    : { x: room.x, y: room.y + depth, width: room.width, height: room.height - depth };
}

export default { render };
