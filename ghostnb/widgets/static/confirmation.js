// A button that begins something, and Cancel. What cannot be undone asks for a word first.

function render({ model, el }) {
  const id = `ghostnb-${Math.random().toString(36).slice(2)}`;
  const label = element("label", "ghostnb-asked", { for: id });
  const input = element("input", "", { type: "text", id, autocomplete: "off", autocapitalize: "off", spellcheck: "false" });
  const apply = element("button", "", { type: "submit" });
  const cancel = element("button", "", { type: "button" }, "Cancel");
  const typed = element("span", "ghostnb-typed", {}, label, input);
  const root = element("form", "ghostnb ghostnb-confirmation", { "aria-label": "Confirm" }, typed, apply, cancel);
  let wanted = "", turn = 0;
  const fit = () => { apply.disabled = input.value !== wanted; };
  const ask = (asked) => {
    ({ wanted, turn } = asked);
    input.value = "";
    label.replaceChildren("Type ", element("code", "", {}, wanted), " to confirm:");
    typed.hidden = !wanted;
    apply.hidden = !asked.label;
    apply.textContent = asked.label;
    apply.className = wanted ? "ghostnb-danger" : "ghostnb-first";
    root.setAttribute("aria-label", asked.label || "Confirm");
    fit();
    if (asked.label) requestAnimationFrame(show);
  };
  // Whoever waits for the plan sees it with its button; who has gone elsewhere is left alone.
  const show = () => {
    if (root.closest(".ghostnb-plan")?.contains(document.activeElement)) root.scrollIntoView({ block: "nearest" });
  };
  const take = (message) => {
    if (message.kind === "ask") ask(message);
  };
  input.addEventListener("input", fit);
  root.addEventListener("submit", (event) => {
    event.preventDefault();
    if (!apply.hidden && !apply.disabled) model.send({ kind: "confirm", text: input.value, turn });
  });
  cancel.addEventListener("click", () => model.send({ kind: "cancel" }));
  root.addEventListener("keydown", (event) => {
    if (event.key === "Escape") model.send({ kind: "cancel" });
  });
  model.on("msg:custom", take);
  ask({ label: "", wanted: "", turn: 0 });
  mount(root, el);
  announce(model);
  return () => model.off("msg:custom", take);
}

export default { render };
