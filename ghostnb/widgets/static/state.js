// In what state a panel is, in its own place; with another attempt where there is one.

function stateLine(state, retry) {
  const said = element("div", `ghostnb-state ghostnb-state-${state.kind}`, { role: "status" }, element("span", "ghostnb-said", {}, state.text));
  if (state.hint) said.append(element("span", "ghostnb-hint", {}, state.hint));
  if (state.retry) {
    const button = element("button", "", { type: "button" }, "Retry");
    button.addEventListener("click", retry);
    said.append(button);
  }
  return said;
}
