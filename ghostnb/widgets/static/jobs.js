// What is being pulled or saved: a row for each job, a bar for each layer and one for all.
// How a job stands is state; how far it has come arrives as messages, of what has changed alone.

function render({ model, el }) {
  const empty = element("p", "ghostnb-state", {}, "Nothing has been pulled yet.");
  const clear = element("button", "", { type: "button" }, "Clear finished");
  clear.addEventListener("click", () => model.send({ kind: "clear" }));
  const top = element("div", "ghostnb-buttons ghostnb-jobs-top", {}, clear);
  const list = element("div", "ghostnb-jobs-list");
  const root = element("section", "ghostnb ghostnb-jobs", { "aria-label": "Jobs", tabindex: -1 }, empty, top, list);
  const rows = new Map();
  const draw = () => {
    const jobs = model.get("_jobs");
    const known = new Set(jobs.map((job) => job.id));
    for (const [id, row] of rows) {
      if (known.has(id)) continue;
      row.leave();
      rows.delete(id);
    }
    for (const job of jobs) {
      if (!rows.has(job.id)) rows.set(job.id, new JobView(model, job.id));
      const row = rows.get(job.id);
      row.draw(job);
      if (!row.root.isConnected) list.prepend(row.root);
    }
    empty.hidden = jobs.length > 0;
    const hadFocus = document.activeElement === clear;
    top.hidden = !jobs.some((job) => !isOpen(job));
    if (hadFocus && top.hidden) (list.querySelector("button:not([hidden])") ?? root).focus();
  };
  const take = (message) => {
    if (message.kind !== "progress") return;
    for (const step of message.jobs) rows.get(step.id)?.advance(step);
  };
  model.on("change:_jobs", draw);
  model.on("msg:custom", take);
  mount(root, el);
  draw();
  model.send({ kind: "ready" });
  return () => {
    model.off("change:_jobs", draw);
    model.off("msg:custom", take);
  };
}

// It waits for its turn, or runs.
const isOpen = (job) => job.state === "waiting" || job.state === "running";

class JobView {
  constructor(model, id) {
    this.title = element("span", "ghostnb-label");
    this.badge = element("span", "ghostnb-badge", {}, "OCI ARCHIVE");
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
    this.hint = element("p", "ghostnb-said ghostnb-hint");
    this.commands = element("ul", "ghostnb-commands", { "aria-label": "Commands that load it" });
    this.layers = element("div", "ghostnb-job-layers");
    this.lines = new Map();
    this.attempt = 0;
    this.buttons = [this.cancel, this.retry, this.save, this.dismiss];
    const right = element("div", "ghostnb-buttons", {}, this.numbers, ...this.buttons);
    const head = element("div", "ghostnb-job-head", {}, this.badge, this.title, right);
    this.root = element("article", "ghostnb-job", {},
      head, this.bar, this.said, this.tried, this.hint, this.commands, this.layers);
  }

  draw(job) {
    const isRunning = isOpen(job);
    const hadFocus = this.buttons.includes(document.activeElement);
    if (job.attempt !== this.attempt) this.begin(job.attempt);
    this.root.dataset.state = job.state;
    this.root.setAttribute("aria-label", job.title);
    this.title.textContent = job.title;
    this.bar.setAttribute("aria-label", `${job.title}, all layers`);
    this.badge.hidden = job.action !== "save";
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
    if (this.commands.childElementCount === job.commands.length) return;
    this.commands.replaceChildren(...job.commands.map((command) =>
      element("li", "", {}, element("code", "", {}, command), copyButton(command, command))));
  }

  finish(job) {
    this.numbers.textContent = job.state === "done" && job.total ? formatBytes(job.total) : "";
    measure(this.bar, 1, 1);
  }

  advance(step) {
    const rate = step.rate > 0 ? ` at ${formatBytes(Math.round(step.rate))}/s` : "";
    this.numbers.textContent = step.total ? `${formatBytes(step.current)} of ${formatBytes(step.total)}${rate}` : "";
    measure(this.bar, step.current, step.total);
    for (const layer of step.layers) this.drawLayer(layer);
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
