// A row of buttons.

function render({ model, el }) {
  const buttons = new ActionButtons((action) => model.send({ kind: "press", name: action.name }));
  const draw = () => buttons.draw(model.get("_actions"));
  model.on("change:_actions", draw);
  draw();
  const root = element("div", "ghostnb ghostnb-toolbar", { role: "group", "aria-label": model.get("label") }, buttons.root);
  mount(root, el);
  return () => model.off("change:_actions", draw);
}

export default { render };
