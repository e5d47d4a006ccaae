// What is being pulled, saved, pushed, copied or deleted: a row for each job, a bar for each layer and one for all.
// All of it arrives as messages, of what has changed alone.

function render({ model, el }) {
  const empty = element("p", "ghostnb-state", {}, "No jobs yet: pulls, saves, pushes, copies and deletions are listed here.");
  const title = element("h3", "ghostnb-label", {}, "Jobs");
  const button = (kind, label) => {
    const made = element("button", "", { type: "button" }, label);
    made.addEventListener("click", () => model.send({ kind }));
    return made;
  };
  const clear = button("clear", "Clear finished"), cancel = button("cancel all", "Cancel all");
  const more = element("span", "ghostnb-count");
  const top = element("div", "ghostnb-buttons ghostnb-jobs-top", {}, more, cancel, clear);
  const list = element("div", "ghostnb-jobs-list");
  const root = element("section", "ghostnb ghostnb-jobs", { "aria-label": "Jobs", tabindex: -1 }, title, empty, top, list);
  const rows = new Map();
  const remove = (id) => {
    rows.get(id)?.leave();
    rows.delete(id);
  };
  const put = (job) => {
    if (!rows.has(job.id)) rows.set(job.id, new JobView(model, job.id));
    const row = rows.get(job.id);
    row.draw(job);
    if (!row.root.isConnected) list.prepend(row.root);
  };
  const draw = ({ heads, gone, whole, left_out }) => {
    const here = new Set(heads.map((job) => job.id));
    for (const id of whole ? [...rows.keys()].filter((id) => !here.has(id)) : gone) remove(id);
    heads.forEach(put);
    if (whole) arrange(list, heads.map((job) => rows.get(job.id).root).reverse());
    empty.hidden = rows.size > 0;
    const hadFocus = top.contains(document.activeElement);
    more.textContent = sayMore(left_out);
    cancel.hidden = !left_out.waiting;
    clear.hidden = !left_out.ended && ![...rows.values()].some((row) => !row.isOpen);
    top.hidden = cancel.hidden && clear.hidden;
    if (hadFocus && !top.contains(document.activeElement)) (root.querySelector("button:not([hidden])") ?? root).focus();
  };
  const take = (message) => {
    if (message.kind === "heads") draw(message);
    if (message.kind !== "progress") return;
    for (const step of message.jobs) rows.get(step.id)?.advance(step);
  };
  model.on("msg:custom", take);
  top.hidden = true;
  mount(root, el);
  announce(model);
  return () => model.off("msg:custom", take);
}

// The newest comes first, also where a page heard of it before all others. What stands right is
// not moved: it would lose the keyboard.
function arrange(list, wanted) {
  if (wanted.some((row, place) => row !== list.children[place])) list.append(...wanted);
}

// What is not listed, for a page has no room for thousands of rows.
function sayMore({ waiting, ended, failed }) {
  const count = (number) => formatValue(number, "number");
  const said = [];
  if (waiting) said.push(`${count(waiting)} more wait for their turn.`);
  if (ended) said.push(`${count(ended)} that ended earlier are not listed${failed ? `, ${count(failed)} of them failed` : ""}.`);
  return said.join(" ");
}

// What is no pull says what it is.
const BADGES = { save: "OCI ARCHIVE", copy: "COPY", delete: "DELETE", push: "PUSH" };

// It waits for its turn, or runs.
const isOpen = (job) => job.state === "waiting" || job.state === "running";

class JobView {
  constructor(model, id) {
    this.title = element("span", "ghostnb-label");
    this.badge = element("span", "ghostnb-badge", {});
    this.numbers = element("span", "ghostnb-count");
    const button = (kind, label) => {
      const made = element("button", "", { type: "button" }, label);
      made.addEventListener("click", () => model.send({ kind, id }));
      return made;
    };
    this.cancel = button("cancel", "Cancel");
    this.save = button("save", "Save as OCI archive");
    this.retry = button("retry", "Retry");
    this.dismiss = button("dismiss", "Dismiss");
    this.bar = element("progress", "ghostnb-bar-all");
    this.said = element("p", "ghostnb-said", { role: "status" });
    this.tried = element("ul", "ghostnb-tried", { "aria-label": "Addresses that were tried" });
    this.faults = element("ul", "ghostnb-faults", { "aria-label": "What was not done" });
    this.hint = element("p", "ghostnb-said ghostnb-hint");
    this.commands = element("ul", "ghostnb-commands", { "aria-label": "Commands that load it" });
    this.layers = element("div", "ghostnb-job-layers");
    this.lines = new Map();
    this.attempt = 0;
    this.isOpen = true;
    this.buttons = [this.cancel, this.retry, this.save, this.dismiss];
    const right = element("div", "ghostnb-buttons", {}, this.numbers, ...this.buttons);
    const head = element("div", "ghostnb-job-head", {}, this.badge, this.title, right);
    this.root = element("article", "ghostnb-job", {},
      head, this.bar, this.said, this.tried, this.faults, this.hint, this.commands, this.layers);
  }

  draw(job) {
    const isRunning = this.isOpen = isOpen(job);
    const hadFocus = this.buttons.includes(document.activeElement);
    if (job.attempt !== this.attempt) this.begin(job.attempt);
    this.root.dataset.state = job.state;
    this.root.setAttribute("aria-label", job.title);
    this.title.textContent = job.title;
    this.bar.setAttribute("aria-label", `${job.title}, ${job.action === "pull" || job.action === "save" ? "all layers" : "progress"}`);
    this.unit = job.unit;
    this.badge.textContent = BADGES[job.action] ?? "";
    this.badge.hidden = !this.badge.textContent;
    this.cancel.hidden = !isRunning;
    this.dismiss.hidden = isRunning;
    this.retry.hidden = job.state !== "failed" && job.state !== "cancelled";
    this.save.hidden = !job.can_save;
    this.say(job);
    this.layers.hidden = !isRunning;
    if (!isRunning) this.finish(job);
    // A button that is gone leaves the keyboard at the next one.
    const here = this.buttons.filter((one) => !one.hidden);
    if (hadFocus && !here.includes(document.activeElement)) here[0].focus();
  }

  begin(attempt) {
    this.attempt = attempt;
    this.lines.clear();
    this.layers.replaceChildren();
    this.numbers.textContent = "";
    this.bar.removeAttribute("value");
  }

  say(job) {
    this.said.className = `ghostnb-said ghostnb-said-${job.state}`;
    if (this.said.textContent !== job.text) this.said.textContent = job.text;
    this.hint.textContent = job.hint;
    this.tried.replaceChildren(...job.tried.map((one) => element("li", "", {}, element("code", "", {}, one))));
    this.faults.replaceChildren(...job.faults.map((one) => element("li", "", {}, one)));
    if (this.commands.childElementCount === job.commands.length) return;
    this.commands.replaceChildren(...job.commands.map((command) =>
      element("li", "", {}, element("code", "", {}, command), copyButton(command, command))));
  }

  finish(job) {
    this.numbers.textContent = job.state === "done" && job.total && job.unit === "B" ? formatBytes(job.total) : "";
    measure(this.bar, 1, 1);
  }

  advance(step) {
    this.numbers.textContent = step.total ? this.sayProgress(step) : "";
    measure(this.bar, step.current, step.total);
    for (const layer of step.layers) this.drawLayer(layer);
  }

  sayProgress({ current, total, rate }) {
    if (this.unit !== "B") return `${formatValue(current, "number")} of ${formatValue(total, "number")}`;
    return `${formatBytes(current)} of ${formatBytes(total)}${rate > 0 ? ` at ${formatBytes(Math.round(rate))}/s` : ""}`;
  }

  drawLayer(layer) {
    const name = layer.id.replace(/^\w+:/, "").slice(0, 12);
    let line = this.lines.get(layer.id);
    if (!line) {
      line = { bar: element("progress", "", { "aria-label": `Layer ${name}` }), size: element("span", "ghostnb-count"), text: element("span", "ghostnb-count") };
      this.lines.set(layer.id, line);
      this.layers.append(element("div", "ghostnb-job-layer", {}, element("code", "", { title: layer.id }, name), line.bar, line.size, line.text));
    }
    measure(line.bar, layer.done ? 1 : layer.current, layer.done ? 1 : layer.total);
    line.size.textContent = layer.total ? formatBytes(layer.total) : "";
    line.text.textContent = layer.status;
  }

  leave() {
    const hadFocus = this.root.contains(document.activeElement), jobs = this.root.closest(".ghostnb-jobs");
    const next = this.root.nextElementSibling ?? this.root.previousElementSibling;
    this.root.remove();
    if (hadFocus) (next?.querySelector("button:not([hidden])") ?? jobs).focus();
  }
}

function measure(bar, current, total) {
  if (!total) return;
  bar.max = total;
  bar.value = Math.min(current, total);
}

export default { render };
