// A button that copies a text. Joined before the modules that use it.

function copyButton(text, what) {
  const button = element("button", "ghostnb-copy", { type: "button", "aria-label": `Copy ${what}` }, "Copy");
  button.addEventListener("click", async () => {
    button.textContent = (await copied(text, button)) ? "Copied" : "Press Ctrl+C";
    setTimeout(() => (button.textContent = "Copy"), 1500);
  });
  return button;
}

// Pages that are neither HTTPS nor localhost have no clipboard: there the text is copied from a
// field beside the button. Where that is not allowed either, it stays there, marked, for Ctrl+C.
async function copied(text, button) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const field = markedField(text, button);
    const isCopied = document.execCommand("copy");
    if (isCopied) field.leave();
    return isCopied;
  }
}

function markedField(text, button) {
  const field = element("textarea", "ghostnb-marked-text", { readonly: "", rows: 1, "aria-label": "Press Ctrl+C to copy" });
  field.value = text;
  // The keyboard goes back to where it was, unless it was taken elsewhere.
  field.leave = () => {
    if (document.activeElement === field) button.focus();
    field.remove();
  };
  field.addEventListener("copy", () => setTimeout(field.leave));
  field.addEventListener("blur", () => setTimeout(field.leave));
  field.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    event.stopPropagation();
    field.leave();
  });
  button.after(field);
  field.select();
  return field;
}
