// What something is about, before it is done. All of it arrives as messages.

function render({ model, el }) {
  const title = element("h3", "ghostnb-label", { tabindex: -1 });
  const text = element("span", ""), sizes = element("span", "ghostnb-sizes");
  const line = element("p", "ghostnb-plan-line", { role: "status" }, text, sizes);
  const notes = element("ul", "ghostnb-plan-notes", { "aria-label": "Notes" });
  const root = element("section", "ghostnb ghostnb-summary", {}, title, line, notes);
  const say = (said) => {
    title.textContent = said.title;
    root.setAttribute("aria-label", said.title);
    text.textContent = said.text;
    sizes.replaceChildren(...Object.entries(said.sizes).map(([name, bytes]) =>
      element("span", "", { title: fullValue(bytes, "bytes") }, `${name} ${formatBytes(bytes)}`)));
    notes.replaceChildren(...said.notes.map((note) => element("li", "", {}, note)));
  };
  const take = (message) => {
    if (message.kind === "say") say(message);
    if (message.kind === "focus") takeFocus(root, title);
  };
  model.on("msg:custom", take);
  mount(root, el);
  announce(model);
  return () => model.off("msg:custom", take);
}

export default { render };
