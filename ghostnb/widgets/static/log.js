// Lines of text as they come; the end is in sight unless somebody has scrolled up.

const MOST_LINES = 5000;

function render({ model, el }) {
  const text = element("pre", "ghostnb-log-lines", { tabindex: 0, role: "log", "aria-label": model.get("label") });
  const root = element("div", "ghostnb ghostnb-log", {}, text);
  const draw = () => { text.dataset.placeholder = model.get("placeholder"); };
  const take = (message) => {
    if (message.kind === "clear") text.replaceChildren();
    if (message.kind !== "lines") return;
    const isAtEnd = text.scrollTop + text.clientHeight >= text.scrollHeight - 4;
    for (const line of message.lines) text.append(element("span", "", {}, `${line}\n`));
    while (text.childElementCount > MOST_LINES) text.firstElementChild.remove();
    if (isAtEnd) text.scrollTop = text.scrollHeight;
  };
  model.on("msg:custom", take);
  model.on("change:placeholder", draw);
  draw();
  mount(root, el);
  announce(model);
  return () => {
    model.off("msg:custom", take);
    model.off("change:placeholder", draw);
  };
}

export default { render };
