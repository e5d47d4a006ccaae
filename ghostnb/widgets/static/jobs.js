// What is being pulled: a row for each job, a bar for each layer and one for all.

function render({ model, el }) {
  const root = element("section", "ghostnb ghostnb-jobs", { "aria-label": "Jobs" });
  const rows = new Map();
  const draw = () => {
    const jobs = model.get("_jobs");
    const known = new Set(jobs.map((job) => job.id));
    for (const [id, row] of rows) {
      if (known.has(id)) continue;
      row.root.remove();
      rows.delete(id);
    }
    for (const job of jobs) {
      if (!rows.has(job.id)) rows.set(job.id, new JobView(model, job.id));
      const row = rows.get(job.id);
      row.draw(job);
      if (!row.root.isConnected) root.prepend(row.root);
    }
    empty.hidden = jobs.length > 0;
  };
  const empty = element("p", "ghostnb-state", {}, "Nothing has been pulled yet.");
  root.append(empty);
  model.on("change:_jobs", draw);
  el.append(root);
  draw();
  return () => model.off("change:_jobs", draw);
}

class JobView {
  constructor(model, id) {
    this.title = element("span", "ghostnb-label");
    this.numbers = element("span", "ghostnb-count");
    this.cancel = element("button", "", { type: "button" }, "Cancel");
    this.cancel.addEventListener("click", () => model.send({ kind: "cancel", id }));
    this.dismiss = element("button", "", { type: "button" }, "Dismiss");
    this.dismiss.addEventListener("click", () => model.send({ kind: "dismiss", id }));
    this.bar = element("progress", "ghostnb-bar-all");
    this.said = element("p", "ghostnb-said", { role: "status" });
    this.layers = element("div", "ghostnb-job-layers");
    this.lines = new Map();
    this.root = element("article", "ghostnb-job", {},
      element("div", "ghostnb-job-head", {}, this.title, this.numbers, this.cancel, this.dismiss), this.bar, this.said, this.layers);
  }

  draw(job) {
    const isRunning = job.state === "running";
    this.root.dataset.state = job.state;
    this.root.setAttribute("aria-label", job.title);
    this.title.textContent = job.title;
    const rate = isRunning && job.rate > 0 ? ` at ${formatBytes(job.rate)}/s` : "";
    this.numbers.textContent = job.total ? `${formatBytes(job.current)} of ${formatBytes(job.total)}${rate}` : "";
    this.bar.setAttribute("aria-label", `${job.title}, all layers`);
    this.measure(this.bar, job.state === "done" ? 1 : job.current, job.state === "done" ? 1 : job.total);
    this.cancel.hidden = !isRunning;
    this.dismiss.hidden = isRunning;
    this.said.className = `ghostnb-said ghostnb-said-${job.state}`;
    if (this.said.textContent !== job.text) this.said.textContent = job.text;
    this.layers.hidden = !isRunning;
    if (isRunning) for (const layer of job.layers) this.drawLayer(layer);
  }

  measure(bar, current, total) {
    bar.hidden = false;
    if (total) {
      bar.max = total;
      bar.value = Math.min(current, total);
    } else bar.removeAttribute("value");
  }

  drawLayer(layer) {
    let line = this.lines.get(layer.id);
    if (!line) {
      const bar = element("progress", "", { "aria-label": `Layer ${layer.id}` });
      const text = element("span", "ghostnb-count");
      line = { bar, text };
      this.lines.set(layer.id, line);
      this.layers.append(element("div", "ghostnb-job-layer", {}, element("code", "", {}, layer.id), bar, text));
    }
    this.measure(line.bar, layer.done ? 1 : layer.current, layer.done ? 1 : layer.total);
    line.text.textContent = layer.status;
  }
}

export default { render };
