// How many rows are selected, and what can be done with them. Joined before table.js.

class SelectionBar {
  // Calls back: all, none, and tell with the name of an action.
  constructor(label, selection, calls) {
    this.selection = selection;
    this.calls = calls;
    this.chosen = element("span", "ghostnb-chosen", { "aria-live": "polite" });
    this.all = element("button", "ghostnb-all", { type: "button", "aria-label": "Select all matching" }, "Select all");
    this.none = element("button", "ghostnb-none", { type: "button", "aria-label": "Clear", title: "Clear" }, "✕");
    this.actions = new ActionButtons((action, button) => this.act(action, button));
    this.more = new MoreButtons((action, button) => this.act(action, button));
    this.root = element("div", "ghostnb-bar", { role: "group", "aria-label": `Selected ${label.toLowerCase()}`, hidden: "" },
      this.chosen, this.all, this.actions.root, this.more.root, this.none);
    this.all.addEventListener("click", () => this.chooseAll());
    this.none.addEventListener("click", () => calls.none());
    this.root.addEventListener("keydown", (event) => this.onKey(event));
  }

  // The button goes, and the keyboard stays in the bar.
  chooseAll() {
    this.calls.all();
    this.actions.focus();
  }

  onKey(event) {
    if (event.key === "Escape") this.calls.none();
  }

  // Copying needs nobody else.
  async act(action, button) {
    if (!action.copies.length) return this.calls.tell(action.name);
    const lines = [...this.selection.keys].map((key) => action.copies.join(key));
    button.say((await copied(lines.join("\n"), button.button)) ? "Copied" : "Press Ctrl+C");
  }

  draw(actions, columns) {
    const count = this.selection.keys.size;
    this.root.hidden = !count;
    this.chosen.textContent = count ? `${count.toLocaleString("en")} selected${this.bytes(count, columns)}` : "";
    // Where there is no room for all of it.
    this.chosen.title = this.chosen.textContent;
    this.all.hidden = this.selection.hasMatching();
    this.actions.draw(actions.filter((action) => !action.is_lesser), count);
    this.more.draw(actions.filter((action) => action.is_lesser), count);
  }

  // Sizes become known when rows are seen: it is said for how many they are.
  bytes(count, columns) {
    const sizes = columns.find((column) => column.kind === "bytes");
    if (!sizes) return "";
    const { known, sum } = this.selection.sum(sizes.name);
    if (known === count) return `, ${formatBytes(sum)}`;
    return known ? `, ${formatBytes(sum)} (size of ${known.toLocaleString("en")} known)` : ", size not known yet";
  }
}
