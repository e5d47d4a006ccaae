// An image's layers: one strip of all, in proportion, and a line for each.
// Joined before the modules that show them.

function layerView(layers) {
  const root = element("div", "ghostnb-layers", {}, ...layerParts(layers));
  root.addEventListener("mouseover", (event) => mark(root, event.target));
  root.addEventListener("focusin", (event) => mark(root, event.target));
  root.addEventListener("mouseleave", () => mark(root, document.activeElement));
  root.addEventListener("focusout", () => mark(root, null));
  return root;
}

// What the pointer or the focus is on is shown in the strip and among the lines.
function mark(root, target) {
  const place = target?.closest?.("[data-layer]")?.dataset.layer;
  for (const part of root.querySelectorAll("[data-layer]")) {
    part.classList.toggle("ghostnb-marked", part.dataset.layer === place);
  }
}

function layerParts(layers) {
  if (!layers.length) return [element("p", "ghostnb-state", {}, "This image has no layers.")];
  const total = layers.reduce((sum, layer) => sum + layer.size_bytes, 0);
  const largest = Math.max(...layers.map((layer) => layer.size_bytes), 1);
  const shared = layers.filter((layer) => layer.shared_with > 0);
  const text = `${layers.length} ${layers.length === 1 ? "layer" : "layers"}, ${formatBytes(total)}`
    + (shared.length ? `; ${shared.length} shared with other tags` : "");
  const strip = element("div", "ghostnb-strip", { role: "img", "aria-label": text });
  for (const layer of layers) {
    const segment = element("span", segmentClass(layer), { "data-layer": layer.position, title: describe(layer) });
    segment.style.flexGrow = layer.size_bytes;
    strip.append(segment);
  }
  const list = element("ol", "ghostnb-lines", { "aria-label": "Layers" });
  for (const layer of layers) list.append(line(layer, largest));
  return [element("p", "ghostnb-sum", {}, text), strip, list];
}

const segmentClass = (layer) => `ghostnb-segment${layer.shared_with > 0 ? " ghostnb-shared" : ""}`;

function describe(layer) {
  const shared = layer.shared_with > 0 ? `, shared with ${tags(layer.shared_with)}` : "";
  return `Layer ${layer.position}: ${fullValue(layer.size_bytes, "bytes")}${shared}. ${layer.created_by ?? ""}`;
}

const tags = (count) => (count === 1 ? "1 other tag" : `${count.toLocaleString("en")} other tags`);

function line(layer, largest) {
  const bar = element("span", segmentClass(layer));
  bar.style.width = `${(100 * layer.size_bytes) / largest}%`;
  const notes = [shortDigest(layer.digest), layer.media_type];
  if (layer.shared_with > 0) notes.push(`shared with ${tags(layer.shared_with)}`);
  return element("li", "ghostnb-line", { "data-layer": layer.position, tabindex: 0, "aria-label": describe(layer) },
    element("span", "ghostnb-position", {}, String(layer.position)),
    element("span", "ghostnb-gauge", {}, bar),
    element("span", "ghostnb-size", {}, formatBytes(layer.size_bytes)),
    element("code", "ghostnb-made", { title: layer.created_by ?? "" }, layer.created_by ?? "unknown command"),
    element("span", "ghostnb-notes", { title: layer.digest }, notes.join(" · ")));
}
