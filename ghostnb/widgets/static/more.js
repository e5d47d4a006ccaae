// What is done less often, behind one button. Joined before selection_bar.js.

class MoreButtons {
  // press is given the action, and the button that was pressed.
  constructor(press) {
    this.actions = new ActionButtons((action, button) => {
      // What is copied says so in its own place.
      if (!action.copies.length) this.close();
      press(action, button);
    });
    this.button = element("button", "", { type: "button", "aria-haspopup": "true", "aria-expanded": "false" }, "More");
    this.list = element("div", "ghostnb-more-list", { role: "group", "aria-label": "More", hidden: "" }, this.actions.root);
    this.root = element("span", "ghostnb-more", {}, this.button, this.list);
    this.button.addEventListener("click", () => (this.list.hidden ? this.open() : this.close()));
    this.root.addEventListener("keydown", (event) => this.onKey(event));
    this.root.addEventListener("focusout", (event) => this.onLeave(event));
  }

  draw(actions, count) {
    this.root.hidden = !actions.length;
    if (!count) this.hide();
    this.actions.draw(actions, count);
  }

  open() {
    this.list.hidden = false;
    this.button.setAttribute("aria-expanded", "true");
    this.actions.focus();
  }

  // The button takes the keyboard, unless that is elsewhere by now.
  close() {
    const hadFocus = this.list.contains(document.activeElement);
    this.hide();
    if (hadFocus) this.button.focus();
  }

  hide() {
    this.list.hidden = true;
    this.button.setAttribute("aria-expanded", "false");
  }

  // A button that is hidden while it has the keyboard leaves for nowhere: a question takes its place.
  onLeave(event) {
    if (event.relatedTarget && !this.root.contains(event.relatedTarget)) this.hide();
  }

  onKey(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) this.step(step);
    else if (event.key !== "Escape" || this.list.hidden) return;
    else this.close();
    event.preventDefault();
    // It has meant something: the bar around it is not to take it, too.
    event.stopPropagation();
  }

  step(step) {
    if (this.list.hidden) return this.open();
    const buttons = [...this.list.querySelectorAll("button:enabled")].filter(isSeen);
    const place = buttons.indexOf(document.activeElement);
    buttons.at((place + step) % buttons.length)?.focus();
  }
}
