// A form. What is typed travels in one message when a button is pressed, and is
// no state of the model: no notebook saves it, least of all a password.

function render({ model, el }) {
  const form = new FormView(model);
  mount(form.root, el);
  form.attach();
  return () => form.detach();
}

class FormView {
  constructor(model) {
    this.model = model;
    this.inputs = new Map();
    this.typed = new Set();
    const watched = new Set(model.get("_fields").filter((field) => field.is_watched).map((field) => field.name));
    this.isWatched = (name) => watched.has(name);
    this.id = `ghostnb-${Math.random().toString(36).slice(2)}`;
    this.said = element("p", "ghostnb-said", { role: "status" });
    this.root = element("form", "ghostnb ghostnb-form", { novalidate: "", autocomplete: "off", "aria-label": model.get("label") },
      element("h3", "ghostnb-label", {}, model.get("label")),
      ...model.get("_fields").map((field) => this.field(field)), this.said, this.buttons());
  }

  field(field) {
    const id = `${this.id}-${field.name}`;
    const input = makeInput(field, id);
    this.inputs.set(field.name, input);
    if (field.is_watched) input.addEventListener("change", () => this.send("change", this.isWatched));
    const label = element("label", "", { for: id }, field.label);
    const notes = [
      element("span", "ghostnb-help", { id: `${id}-help` }, field.help),
      element("span", "ghostnb-problem", { id: `${id}-problem`, role: "alert" }),
    ];
    input.setAttribute("aria-describedby", notes.map((note) => note.id).join(" "));
    const parts = field.kind === "checkbox" ? [input, label] : [label, input];
    return element("div", `ghostnb-field ghostnb-field-${field.kind}`, {}, ...parts, ...notes);
  }

  buttons() {
    const row = element("div", "ghostnb-buttons");
    for (const [index, button] of this.model.get("_buttons").entries()) {
      const made = element("button", index ? "" : "ghostnb-first", { type: index ? "button" : "submit" }, button.label);
      if (index) made.addEventListener("click", () => this.press(button.name));
      row.append(made);
    }
    return row;
  }

  attach() {
    this.root.addEventListener("submit", (event) => {
      event.preventDefault();
      this.press(this.model.get("_buttons")[0].name);
    });
    this.root.addEventListener("input", (event) => this.typed.add(event.target.name));
    this.onMessage = (message) => this.take(message);
    this.onState = () => this.tell();
    this.model.on("msg:custom", this.onMessage);
    this.model.on("change:_state", this.onState);
    this.onNotes = () => this.note();
    this.model.on("change:_notes", this.onNotes);
    // At once: whoever presses a button before the first message comes is to hand these over.
    this.fill(Object.fromEntries(this.model.get("_fields").map((field) => [field.name, field.value])), true);
    announce(this.model, { view: this.id });
    this.note();
    this.tell();
  }

  detach() {
    this.model.off("msg:custom", this.onMessage);
    this.model.off("change:_state", this.onState);
    this.model.off("change:_notes", this.onNotes);
  }

  press(name) {
    this.send("press", () => true, name);
  }

  send(kind, isWanted, name) {
    const values = {};
    for (const [field, input] of this.inputs) {
      if (isWanted(field)) values[field] = input.type === "checkbox" ? input.checked : input.value;
    }
    this.model.send({ kind, name, values });
  }

  take({ kind, values, view, at_first: isFirst }) {
    if (kind === "fill" && (view ?? this.id) === this.id) this.fill(values, isFirst);
    if (kind === "focus") this.takeFocus();
  }

  // Who is in it already stays where he is: a form that is just being shown may hear of it twice,
  // and what is being typed would go on in another field.
  takeFocus() {
    if (this.root.contains(document.activeElement)) return;
    takeFocus(this.root, this.root.querySelector(".ghostnb-field :enabled"));
  }

  // What somebody has typed before the first values came is not written over.
  fill(values, isFirst) {
    for (const [name, value] of Object.entries(values)) {
      if (isFirst && this.typed.has(name)) continue;
      this.typed.delete(name);
      const input = this.inputs.get(name);
      if (input.type === "checkbox") input.checked = value;
      else input.value = value ?? "";
    }
  }

  note() {
    for (const [name, { text, disabled, hidden, label, placeholder, link }] of Object.entries(this.model.get("_notes"))) {
      const input = this.inputs.get(name);
      input.disabled = disabled;
      input.closest(".ghostnb-field").hidden = hidden;
      if ("placeholder" in input) input.placeholder = placeholder;
      this.root.querySelector(`label[for="${CSS.escape(input.id)}"]`).textContent = label;
      this.part(input, "help").replaceChildren(text, ...(link ? [" ", linkTo(link)] : []));
    }
  }

  part(input, name) {
    return this.root.querySelector(`#${CSS.escape(input.id)}-${name}`);
  }

  tell() {
    const { text, kind, problems } = this.model.get("_state");
    this.said.textContent = text;
    this.said.className = `ghostnb-said ghostnb-said-${kind}`;
    this.root.setAttribute("aria-busy", kind === "working");
    let first = null;
    for (const [name, input] of this.inputs) {
      const problem = problems[name] ?? "";
      input.setAttribute("aria-invalid", problem !== "");
      this.part(input, "problem").textContent = problem;
      if (problem) first ??= input;
    }
    first?.focus();
  }
}

function makeInput(field, id) {
  const shared = { id, name: field.name, placeholder: field.placeholder || null, spellcheck: "false" };
  if (field.kind === "lines") return element("textarea", "", { ...shared, rows: 3 });
  if (field.kind === "choice") {
    const names = field.choice_names.length ? field.choice_names : field.choices;
    return element("select", "", { id, name: field.name }, ...field.choices.map((value, index) => element("option", "", { value }, names[index])));
  }
  const type = { password: "password", checkbox: "checkbox" }[field.kind] ?? "text";
  return element("input", "", { ...shared, type, autocomplete: type === "password" ? "new-password" : "off" });
}

function linkTo(address) {
  return element("a", "", { href: address, target: "_blank", rel: "noopener noreferrer" }, new URL(address).host);
}

export default { render };
