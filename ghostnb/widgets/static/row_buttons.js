// The buttons in a table's rows, by the keyboard. Joined before table.js.

class RowButtons {
  constructor(view) {
    this.view = view;
  }

  // From a row, the right arrow leads to its buttons.
  enter(key) {
    const { view } = this;
    if (key !== "ArrowRight" || view.rows.place(view.active) < 0) return false;
    view.moveTo(view.active);
    return this.focus(0);
  }

  // Along the buttons, and back to the rows.
  press(key, button) {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[key];
    if (step) return this.focus(this.all().indexOf(button) + step) || this.leave(step < 0);
    if (["Enter", " ", "Tab"].includes(key)) return false;
    this.leave(true);
    return key === "Escape" || this.view.press(key, false, false);
  }

  all() {
    return [...this.view.space.querySelectorAll(".ghostnb-active [data-action]")];
  }

  focus(place) {
    const button = this.all()[place];
    button?.focus();
    return button !== undefined;
  }

  leave(isLeft) {
    if (isLeft) this.view.body.focus();
    return true;
  }

  // Rows are made anew when something is known of them: the keyboard stays.
  keep(draw) {
    const { space, body } = this.view, active = document.activeElement;
    const place = this.all().indexOf(active), isHere = space.contains(active);
    draw();
    if (isHere && !this.focus(place)) body.focus();
  }
}
