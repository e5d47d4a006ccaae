// A row of buttons.

function render({ model, el }) {
  const buttons = new ActionButtons((action) => model.send({ kind: "press", name: action.name }));
  const draw = () => buttons.draw(model.get("_actions"));
  model.on("change:_actions", draw);
  draw();
  const root = element("div", "ghostnb ghostnb-toolbar", { role: "group", "aria-label": model.get("label") }, buttons.root);
  const take = (message) => {
    if (message.kind === "focus") takeFocus(root, root.querySelector("button:enabled"));
  };
  model.on("msg:custom", take);
  mount(root, el);
  return () => {
    model.off("change:_actions", draw);
    model.off("msg:custom", take);
  };
}

export default { render };
