// Source: WCAG 2.2, "relative luminance", "contrast ratio", and success criteria 1.4.3 (text, 4.5;
// large text, 3; nothing for what is disabled) and 1.4.11 (what else must be seen, 3).
(marks) => {
  const COLOUR = /\b(?:rgba?|color)\([^)]*\)/g;
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const parse = (colour) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const over = ([r, g, b, a], below) => [r, g, b].map((one, i) => one * a + below[i] * (1 - a));
  const luminance = (colour) => {
    const [r, g, b] = colour.map((one) => one / 255).map((one) => (one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ratio = (one, other) => {
    const [high, low] = [luminance(one), luminance(other)].sort((a, b) => b - a);
    return (high + 0.05) / (low + 0.05);
  };
  const ground = (one) => {
    if (!one) return [255, 255, 255];
    const [r, g, b, a] = parse(getComputedStyle(one).backgroundColor);
    return a === 1 ? [r, g, b] : over([r, g, b, a], ground(one.parentElement));
  };
  const opacity = (one) => (one ? Number(getComputedStyle(one).opacity) * opacity(one.parentElement) : 1);
  const seen = (one) => one.checkVisibility() && one.getClientRects().length > 0;
  const faults = [];
  const judge = (one, colour, below, wanted, what, alpha = 1) => {
    const [r, g, b, a] = parse(colour);
    const found = ratio(over([r, g, b, a * alpha * opacity(one)], below), below);
    if (found < wanted - 0.005) faults.push(`${found.toFixed(2)} < ${wanted}: ${what} (${one.className || one.tagName}), ${colour} on ${below.map(Math.round)}`);
  };
  const large = (style) => parseFloat(style.fontSize) >= 24 || (parseFloat(style.fontSize) >= 18.66 && style.fontWeight >= 700);
  let texts = 0;
  for (const one of document.body.querySelectorAll("*")) {
    if (!seen(one) || one.closest(":disabled") || one.matches("option")) continue;
    const style = getComputedStyle(one);
    const text = [...one.childNodes].filter((node) => node.nodeType === 3).map((node) => node.data.trim()).join("");
    const said = text || (one.matches("input:not([type=checkbox]), textarea, select") ? one.value : "");
    if (said) {
      texts += 1;
      judge(one, style.color, ground(one), large(style) ? 3 : 4.5, said.slice(0, 40));
    }
    if (one.placeholder && !one.value) {
      const placeholder = getComputedStyle(one, "::placeholder");
      judge(one, placeholder.color, ground(one), 4.5, `placeholder ${one.placeholder}`, Number(placeholder.opacity));
    }
  }
  for (const [selector, property] of Object.entries(marks)) {
    for (const one of document.querySelectorAll(selector)) {
      const style = getComputedStyle(one);
      // What is hatched has no colour of its own: it is seen by the stronger of its stripes.
      const stripes = property === "backgroundColor" ? style.backgroundImage.match(COLOUR) : null;
      const colours = (stripes ?? [style[property]]).filter((colour) => parse(colour)[3] > 0);
      const below = ground(one.parentElement);
      const [strongest] = colours.sort((a, b) => ratio(parse(b), below) - ratio(parse(a), below));
      if (seen(one) && strongest) judge(one, strongest, below, 3, selector);
    }
  }
  return { texts, faults: [...new Set(faults)] };
}
