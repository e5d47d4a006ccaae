// A line of text that Enter hands over, and a button that does the same.

function render({ model, el }) {
  const input = element("input", "", { type: "text", "aria-label": model.get("label"), autocomplete: "off", autocapitalize: "off", spellcheck: "false" });
  const button = element("button", "", { type: "submit" }, model.get("_button"));
  const form = element("form", "ghostnb ghostnb-toolbar ghostnb-entry", {}, input, button);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const text = input.value.trim();
    if (text) model.send({ kind: "enter", text });
    else input.focus();
  });
  const draw = () => {
    input.placeholder = model.get("placeholder");
    // What was typed was meant for what is gone.
    if (!model.get("enabled")) input.value = "";
    input.disabled = button.disabled = !model.get("enabled");
  };
  const names = ["change:placeholder", "change:enabled"];
  for (const name of names) model.on(name, draw);
  draw();
  mount(form, el);
  return () => names.forEach((name) => model.off(name, draw));
}

export default { render };
