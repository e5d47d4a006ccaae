// Search: a query, which registry, and what was found as cards.

const QUICK = ["Alpine", "Nginx", "Postgres"];
const EVERY = "All registries";

function render({ model, el }) {
  const view = new SearchView(model);
  mount(view.root, el);
  const drawn = { "change:_found": () => view.drawFound(), "change:_answers": () => view.drawAnswers(), "change:_registries": () => view.drawRegistries() };
  for (const [name, draw] of Object.entries(drawn)) model.on(name, draw);
  view.drawRegistries();
  view.drawAnswers();
  view.drawFound();
  return () => Object.entries(drawn).forEach(([name, draw]) => model.off(name, draw));
}

class SearchView {
  constructor(model) {
    this.model = model;
    this.query = element("input", "", { type: "search", placeholder: "Search images", "aria-label": "Search images" });
    this.query.value = model.get("query");
    this.registry = element("select", "", { "aria-label": "Registry" });
    const go = element("button", "ghostnb-first", { type: "submit" }, "Search");
    const form = element("form", "ghostnb-ask", { role: "search" }, this.query, this.registry, go, ...QUICK.map((name) => this.quick(name)));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.ask();
    });
    this.answers = element("ul", "ghostnb-answers", { "aria-label": "Registries", "aria-live": "polite" });
    this.found = element("ul", "ghostnb-cards", { "aria-label": "Images" });
    this.root = element("section", "ghostnb ghostnb-search", { "aria-label": "Search" }, form, this.answers, this.found);
  }

  quick(name) {
    const button = element("button", "ghostnb-quick", { type: "button" }, name);
    button.addEventListener("click", () => {
      this.query.value = name.toLowerCase();
      this.ask();
    });
    return button;
  }

  ask() {
    const query = this.query.value.trim();
    const registry = this.registry.value === EVERY ? "" : this.registry.value;
    if (query) this.model.send({ kind: "search", query, registry });
    else this.query.focus();
  }

  drawRegistries() {
    const chosen = this.registry.value || EVERY;
    const names = [EVERY, ...this.model.get("_registries")];
    this.registry.replaceChildren(...names.map((name) => element("option", "", {}, name)));
    this.registry.value = names.includes(chosen) ? chosen : EVERY;
  }

  // A line for each registry: it searches, found so many, or why not.
  drawAnswers() {
    const lines = this.model.get("_answers").map((answer) => this.line(answer));
    keepFocus(this.answers, () => this.answers.replaceChildren(...lines), () => this.query);
  }

  line(answer) {
    const line = element("li", `ghostnb-answer ghostnb-state-${answer.kind}`, {}, element("span", "ghostnb-badge", {}, answer.registry), ` ${answer.text}`);
    if (answer.hint) line.append(element("span", "ghostnb-hint", {}, answer.hint));
    if (answer.retry) {
      const retry = element("button", "", { type: "button", "aria-label": `Retry ${answer.registry}` }, "Retry");
      retry.addEventListener("click", () => this.model.send({ kind: "retry", registry: answer.registry }));
      line.append(" ", retry);
    }
    return line;
  }

  drawFound() {
    const cards = this.model.get("_found").map((image) => this.card(image));
    keepFocus(this.found, () => this.found.replaceChildren(...cards), () => this.query);
  }

  card(image) {
    const name = image.tag === null ? image.repository : `${image.repository}:${image.tag}`;
    const title = element("button", "ghostnb-open", { type: "button", "aria-label": `Inspect ${name}` }, name);
    title.addEventListener("click", () => this.tell("inspect", image));
    const facts = [];
    if (image.size_bytes !== null) facts.push(formatBytes(image.size_bytes));
    if (image.created !== null) facts.push(formatTime(image.created));
    if (image.pull_count !== null) facts.push(`${formatValue(image.pull_count, "number")} pulls`);
    if (image.digest !== null) facts.push(shortDigest(image.digest));
    const badges = element("span", "ghostnb-badges", {}, element("span", "ghostnb-badge", {}, image.registry));
    if (image.official) badges.append(element("span", "ghostnb-badge", {}, "OFFICIAL"));
    const card = element("li", "ghostnb-card", {}, element("div", "ghostnb-card-head", {}, title, badges));
    if (image.description) card.append(element("p", "ghostnb-description", {}, image.description));
    card.append(element("p", "ghostnb-card-facts", {}, facts.join(" · ")));
    card.append(element("div", "ghostnb-buttons", {}, this.action("Pull", "pull", image, name), this.action("Create container", "create", image, name)));
    return card;
  }

  action(label, kind, image, name) {
    const button = element("button", "", { type: "button", "aria-label": `${label} ${name} from ${image.registry}` }, label);
    button.addEventListener("click", () => this.tell(kind, image));
    button.disabled = image.no_pull !== "";
    button.title = image.no_pull;
    return button;
  }

  tell(kind, image) {
    this.model.send({ kind, registry: image.registry, repository: image.repository, tag: image.tag });
  }
}

export default { render };
