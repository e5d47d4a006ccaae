// One image: what it is, its layers, how it was made, and its manifest.

const TABS = ["Overview", "Layers", "History", "Files", "Manifest", "Compare"];
// What stands below these is not the sheet's own.
const BELOW = {
  Files: "What each layer adds, changes and removes. The layers are read for it, and not stored.",
  Compare: "What is different between another image and this one. The layers of both are read for it.",
};

function render({ model, el }) {
  const view = new SheetView(model);
  mount(view.root, el);
  const names = ["change:_image", "change:_state", "change:tab"];
  const draw = () => view.draw();
  const take = (message) => {
    if (message.kind === "focus") takeFocus(view.root, view.root);
    if (message.kind === "reveal") view.reveal();
  };
  for (const name of names) model.on(name, draw);
  model.on("msg:custom", take);
  view.draw();
  return () => {
    names.forEach((name) => model.off(name, draw));
    model.off("msg:custom", take);
  };
}

class SheetView {
  constructor(model) {
    this.model = model;
    this.id = `ghostnb-${Math.random().toString(36).slice(2)}`;
    this.root = element("section", "ghostnb ghostnb-details", { "aria-label": "Image details", tabindex: -1 });
    this.root.addEventListener("keydown", (event) => this.onKey(event));
  }

  draw() {
    const image = this.model.get("_image"), state = this.model.get("_state");
    this.root.setAttribute("aria-busy", state.kind === "loading");
    this.root.dataset.state = state.kind;
    const parts = state.kind === "ready" ? [] : [stateLine(state, () => this.model.send({ kind: "retry" }))];
    if (image.reference) parts.push(this.header(image), this.tabs(), this.panel(image));
    keepFocus(this.root, () => this.root.replaceChildren(...parts));
    if (this.isAwaited && state.kind !== "loading") this.reveal();
  }

  // It may stand below what is in sight, as in a notebook; and it comes only later.
  reveal() {
    this.isAwaited = this.model.get("_state").kind === "loading";
    if (!this.isAwaited) this.root.scrollIntoView({ block: "nearest" });
  }

  button(label, kind) {
    const made = element("button", "", { type: "button" }, label);
    made.addEventListener("click", () => this.model.send({ kind }));
    return made;
  }

  header(image) {
    const digest = element("div", "ghostnb-digest-line", {}, element("code", "", { title: image.digest }, shortDigest(image.digest)), copyButton(image.digest, "digest"));
    const actions = element("div", "ghostnb-actions", {}, this.platforms(image), ...this.daemonButtons(image.no_pull), ...this.registryButtons());
    return element("header", "", {}, element("h3", "ghostnb-label", {}, image.reference), digest, actions, ...commands(image.commands));
  }

  daemonButtons(reason) {
    const buttons = [this.button("Pull", "pull"), this.button("Create container", "create")];
    for (const button of buttons) {
      button.disabled = reason !== "";
      button.title = reason;
    }
    return buttons;
  }

  registryButtons() {
    const labels = { copy: "Copy to…", delete: "Delete…" };
    return this.model.get("_offers").filter((kind) => labels[kind]).map((kind) => this.button(labels[kind], kind));
  }

  platforms(image) {
    const select = element("select", "", { "aria-label": "Platform", id: `${this.id}-platform` });
    for (const platform of image.platforms) select.append(element("option", "", {}, platform));
    select.value = image.platform;
    select.disabled = image.platforms.length < 2;
    select.addEventListener("change", () => this.model.send({ kind: "platform", platform: select.value }));
    return select;
  }

  tabs() {
    const chosen = this.model.get("tab");
    const list = element("div", "ghostnb-tabs", { role: "tablist", "aria-label": "Image details" });
    for (const name of TABS) {
      const isChosen = name === chosen;
      const tab = element("button", "ghostnb-tab", {
        type: "button", role: "tab", id: `${this.id}-${name}`, "aria-selected": isChosen,
        "aria-controls": `${this.id}-panel`, tabindex: isChosen ? 0 : -1,
      }, name);
      tab.addEventListener("click", () => this.choose(name));
      list.append(tab);
    }
    return list;
  }

  choose(name) {
    this.model.set("tab", name);
    this.model.save_changes();
  }

  onKey(event) {
    if (event.target.getAttribute?.("role") !== "tab") return;
    const here = TABS.indexOf(this.model.get("tab")), last = TABS.length - 1;
    const goal = { ArrowRight: here + 1, ArrowLeft: here + last, Home: 0, End: last }[event.key];
    if (goal === undefined) return;
    const next = TABS[goal % TABS.length];
    this.choose(next);
    document.getElementById(`${this.id}-${next}`)?.focus();
    event.preventDefault();
    event.stopPropagation();
  }

  panel(image) {
    const name = this.model.get("tab");
    if (BELOW[name]) return this.tabPanel(name, element("p", "ghostnb-below", {}, BELOW[name]));
    const content = { Overview: overview, Layers: (one) => layerView(one.layers), History: history, Manifest: manifest }[name](image);
    return this.tabPanel(name, content);
  }

  tabPanel(name, content) {
    return element("div", "ghostnb-panel", { role: "tabpanel", id: `${this.id}-panel`, "aria-labelledby": `${this.id}-${name}`, tabindex: 0 }, content);
  }
}

function commands(all) {
  if (!Object.keys(all).length) return [];
  const list = element("dl", "ghostnb-commands");
  for (const [tool, command] of Object.entries(all)) {
    list.append(element("dt", "", {}, tool), element("dd", "", {}, element("code", "", {}, command), copyButton(command, `${tool} command`)));
  }
  return [element("details", "", {}, element("summary", "", {}, "Pull commands"), list)];
}

function overview(image) {
  const list = element("dl", "ghostnb-facts");
  const created = image.created === null ? "" : `${formatTime(image.created)} (${fullValue(image.created, "time")})`;
  const facts = [
    ["Size", `${formatBytes(image.size_bytes)} (${fullValue(image.size_bytes, "bytes")})`], ["Created", created],
    ["Digest", image.digest], ["Author", image.author], ["Platform", image.platform], ["Media type", image.media_type],
    ["Entrypoint", image.entrypoint], ["Command", image.cmd], ["Ports", image.ports], ["Environment", image.env], ["Labels", image.labels],
  ];
  for (const [name, value] of facts) list.append(element("dt", "", {}, name), fact(value));
  return list;
}

function fact(value) {
  if (Array.isArray(value) && value.length) {
    return element("dd", "", {}, ...value.map((line) => element("code", "ghostnb-fact", {}, line)));
  }
  const isKnown = value !== null && value !== undefined && value.length !== 0;
  return element("dd", isKnown ? "" : "ghostnb-unknown", {}, isKnown ? String(value) : "not said");
}

function history(image) {
  const list = element("ol", "ghostnb-history");
  for (const step of image.history) {
    const size = step.size_bytes === null ? "no layer" : formatBytes(step.size_bytes);
    list.append(element("li", step.empty ? "ghostnb-empty" : "", {}, element("span", "ghostnb-size", {}, size), element("code", "", {}, step.created_by ?? "unknown command")));
  }
  return image.history.length ? list : element("p", "ghostnb-state", {}, "The image does not tell how it was made.");
}

function manifest(image) {
  return element("div", "", {}, copyButton(image.manifest, "manifest"), element("pre", "ghostnb-manifest", {}, image.manifest));
}

export default { render };
