// Buttons that tell their names, some of which ask first. Joined before the
// modules that use it.

const SAID_MS = 1500;

class ActionButtons {
  // press is given the action, and the button that was pressed.
  constructor(press) {
    this.press = press;
    this.buttons = new Map();
    this.root = element("span", "ghostnb-presses", { tabindex: -1 });
  }

  // How many rows it is all about decides whether an action asks.
  draw(actions, count = 0) {
    // Before anything changes: of a button that is disabled, some browsers take the focus at once.
    const active = document.activeElement;
    for (const action of actions.filter((one) => !one.asked_with)) {
      if (!this.buttons.has(action.name)) {
        const made = new ActionButton(this.press);
        this.buttons.set(action.name, made);
        this.root.append(made.root);
      }
      const others = actions.filter((one) => one.asked_with === action.name && one.enabled);
      this.buttons.get(action.name).draw(action, count, others);
    }
    // Where a pressed button has gone, the keyboard goes on at its neighbour.
    const isGone = this.root.contains(active) && (active.disabled || active.closest("[hidden]"));
    if (isGone || active === this.root) this.focus();
  }

  focus() {
    // Until one of them can be pressed again, it waits here.
    (this.root.querySelector("button:enabled:not([hidden])") ?? this.root).focus();
  }
}

class ActionButton {
  constructor(press) {
    this.press = press;
    this.action = {};
    this.others = [];
    this.button = element("button", "", { type: "button", "aria-live": "polite" });
    this.button.addEventListener("click", () => this.click());
    this.question = element("span", "ghostnb-question", { role: "group", hidden: "" });
    this.question.addEventListener("keydown", (event) => this.onKey(event));
    this.root = element("span", "ghostnb-press", {}, this.button, this.question);
  }

  // Others are what else may be answered to the question.
  draw(action, count, others) {
    // What was asked is no longer so.
    if (action.confirm !== this.action.confirm || !action.enabled || count !== this.count) this.stopAsking();
    this.action = action;
    this.others = others;
    this.count = count;
    if (!this.saying) this.button.textContent = action.label;
    this.button.disabled = !action.enabled;
    this.button.title = action.enabled ? "" : action.reason;
    if (!this.question.hidden) this.drawAnswers();
  }

  click() {
    if (this.action.confirm && this.count >= this.action.confirm_from) this.ask();
    else this.press(this.action, this);
  }

  // Cancel comes first and has the focus: whoever pressed twice has done nothing.
  ask() {
    this.cancel = element("button", "", { type: "button" }, "Cancel");
    this.cancel.addEventListener("click", () => this.decline());
    this.answers = new Map();
    this.question.setAttribute("aria-label", this.action.confirm);
    this.question.replaceChildren(element("span", "ghostnb-asked", {}, this.action.confirm), this.cancel);
    this.drawAnswers();
    this.question.hidden = false;
    this.button.hidden = true;
    this.cancel.focus();
  }

  // While it is asked, other answers may become possible, or no longer be.
  drawAnswers() {
    const actions = [this.action, ...this.others];
    for (const [name, button] of this.answers) {
      if (actions.some((action) => action.name === name)) continue;
      if (button === document.activeElement) this.cancel.focus();
      button.remove();
      this.answers.delete(name);
    }
    for (const action of actions.filter((one) => !this.answers.has(one.name))) {
      this.answers.set(action.name, this.answer(action));
      this.question.append(this.answers.get(action.name));
    }
  }

  answer(action) {
    const button = element("button", "ghostnb-danger", { type: "button" }, action.label);
    button.addEventListener("click", () => {
      this.decline();
      this.press(action, this);
    });
    return button;
  }

  decline() {
    this.stopAsking();
    this.button.focus();
  }

  stopAsking() {
    this.question.hidden = true;
    this.button.hidden = false;
  }

  onKey(event) {
    if (event.key !== "Escape") return;
    this.decline();
    // It has meant something: a bar around it is not to take it, too.
    event.stopPropagation();
  }

  // Says for a moment, in its own place, how it went.
  say(text) {
    clearTimeout(this.saying);
    this.button.textContent = text;
    this.saying = setTimeout(() => {
      this.saying = null;
      this.button.textContent = this.action.label;
    }, SAID_MS);
  }
}
