// A picture that Python drew, which arrives as a message: shown, entered part by part, and saved.

// Of a PNG, how many of its pixels are one of the picture's.
const SCALE = 2;
// A file knows nothing of the page's theme.
const THEMED = /var\(--[a-z-]+, *([^()]+)\)/g;

function render({ model, el }) {
  const root = element("div", "ghostnb ghostnb-picture", { tabindex: -1 });
  let picture = null;
  const draw = () => {
    const state = model.get("_state");
    const hadKeyboard = root.contains(document.activeElement);
    root.setAttribute("aria-busy", state.kind === "loading");
    if (state.kind === "ready") root.replaceChildren(...(picture ? drawn(model, picture) : []));
    else root.replaceChildren(stateLine(state, () => model.send({ kind: "retry" })));
    // What was entered is gone: the keyboard goes on with what came in its place.
    if (hadKeyboard) (root.querySelector("[data-key][tabindex]") ?? root.querySelector("button") ?? root).focus();
  };
  const take = (message) => {
    if (message.kind !== "show") return;
    picture = message;
    draw();
  };
  model.on("change:_state", draw);
  model.on("msg:custom", take);
  root.addEventListener("click", (event) => activate(model, event.target));
  root.addEventListener("keydown", (event) => {
    const isDone = event.key === "Enter" || event.key === " " ? activate(model, event.target) : move(root, event);
    if (isDone) event.preventDefault();
  });
  draw();
  mount(root, el);
  announce(model);
  return () => {
    model.off("change:_state", draw);
    model.off("msg:custom", take);
  };
}

function drawn(model, { title, markup }) {
  const picture = parsed(markup);
  picture.removeAttribute("height");
  picture.setAttribute("width", "100%");
  picture.style.maxWidth = `${picture.viewBox.baseVal.width}px`;
  for (const part of picture.querySelectorAll("[data-key]")) {
    const isEntered = model.get("is_entered") && part.dataset.key;
    part.setAttribute("role", isEntered ? "button" : "img");
    if (isEntered) part.setAttribute("tabindex", -1);
  }
  // Tab stops at one of them; arrows lead to the others, the largest first.
  picture.querySelector("[data-key][tabindex]")?.setAttribute("tabindex", 0);
  const bar = element("p", "ghostnb-picture-bar", {},
    element("span", "ghostnb-picture-title", {}, title),
    saver("SVG", () => save(title, svgBlob(markup), "svg")),
    saver("PNG", () => pngBlob(markup).then((blob) => save(title, blob, "png"))));
  return [bar, picture];
}

const parsed = (markup) => document.importNode(
  new DOMParser().parseFromString(markup, "image/svg+xml").documentElement, true);

function saver(kind, action) {
  const button = element("button", "", { type: "button", "aria-label": `Save the picture as ${kind}` }, `Save as ${kind}`);
  button.addEventListener("click", action);
  return button;
}

const STEPS = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };

function move(root, event) {
  const parts = [...root.querySelectorAll("[data-key][tabindex]")];
  const place = parts.indexOf(event.target.closest("[data-key]")), step = STEPS[event.key];
  if (place < 0 || !(step || event.key === "Home" || event.key === "End")) return false;
  const goal = step ? place + step : event.key === "Home" ? 0 : parts.length - 1;
  const next = parts[Math.min(Math.max(goal, 0), parts.length - 1)];
  parts[place].setAttribute("tabindex", -1);
  next.setAttribute("tabindex", 0);
  next.focus();
  return true;
}

function activate(model, target) {
  const key = target.closest("[data-key]")?.dataset.key;
  if (!key || !model.get("is_entered")) return false;
  model.send({ kind: "activate", key });
  return true;
}

const svgBlob = (markup) => new Blob([markup.replace(THEMED, "$1")], { type: "image/svg+xml" });

async function pngBlob(markup) {
  const address = URL.createObjectURL(svgBlob(markup));
  try {
    const image = new Image();
    image.src = address;
    await image.decode();
    const canvas = element("canvas", "", { width: SCALE * image.width, height: SCALE * image.height });
    canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
    return await new Promise((done) => canvas.toBlob(done, "image/png"));
  } finally {
    URL.revokeObjectURL(address);
  }
}

function save(title, blob, ending) {
  const address = URL.createObjectURL(blob);
  const name = title.replace(/[^A-Za-z0-9._-]+/g, "-") || "picture";
  const link = element("a", "", { href: address, download: `${name}.${ending}` });
  link.click();
  // The browser has begun by then.
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

export default { render };
