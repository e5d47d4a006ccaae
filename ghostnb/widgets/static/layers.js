function render({ model, el }) {
  const root = element("div", "ghostnb");
  const draw = () => root.replaceChildren(layerView(model.get("layers")));
  model.on("change:layers", draw);
  draw();
  mount(root, el);
  return () => model.off("change:layers", draw);
}

export default { render };
