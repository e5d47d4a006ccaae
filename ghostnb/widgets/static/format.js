// How values are written, elements made, and the keyboard kept. Joined before the modules that use it.

const UNITS = ["B", "kB", "MB", "GB", "TB", "PB"];

function formatBytes(bytes) {
  let value = bytes, unit = 0;
  while (Math.abs(value) >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return unit === 0 ? `${value} B` : `${value.toPrecision(3)} ${UNITS[unit]}`;
}

const SPANS = [["year", 31557600], ["month", 2629800], ["day", 86400], ["hour", 3600], ["minute", 60]];
// "1 year ago" may be as good as two: until then, months are counted.
const FEWEST = { year: 2 };
const relative = new Intl.RelativeTimeFormat("en");
const grouped = new Intl.NumberFormat("en");
// There are few ways to say a time, and each is slow to make: tables have 100,000 of them.
const saidTimes = new Map();

// Times travel as milliseconds since 1970, in UTC.
function formatTime(milliseconds) {
  const seconds = (milliseconds - Date.now()) / 1000;
  for (const [unit, length] of SPANS) {
    if (Math.abs(seconds) >= length * (FEWEST[unit] ?? 1)) return relativeTime(Math.trunc(seconds / length), unit);
  }
  return "just now";
}

function relativeTime(count, unit) {
  const key = `${count} ${unit}`;
  if (!saidTimes.has(key)) saidTimes.set(key, relative.format(count, unit));
  return saidTimes.get(key);
}

// A container's id has no algorithm before it.
const shortDigest = (digest) => digest.replace(/^((?:\w+:)?[0-9a-f]{12})[0-9a-f]+$/, "$1");

// Told by a mark and a word: not everybody sees colours.
const OUTCOMES = { success: "✓ success", failure: "✕ failure", denied: "⊘ denied" };

const FORMATS = {
  bytes: formatBytes,
  time: formatTime,
  number: (value) => grouped.format(value),
  digest: shortDigest,
  outcome: (value) => OUTCOMES[value] ?? value,
};

function formatValue(value, kind) {
  if (value === null || value === undefined) return "";
  return (FORMATS[kind] ?? String)(value);
}

// What the whole of a shortened value is, for the title of its cell.
function fullValue(value, kind) {
  if (value === null || value === undefined) return "";
  if (kind === "time") return new Date(value).toISOString().replace(".000Z", "Z");
  if (kind === "bytes") return `${value.toLocaleString("en")} bytes`;
  return String(value);
}

function element(tag, className, attributes = {}, ...children) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined) made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

// Shows a panel in its view.
//
// A notebook's commands are plain keys: two "d" on a focused row would delete the cell.
// With Ctrl and the like keys are still the notebook's, so that Ctrl+S saves.
//
// After a restart, and in a notebook that was opened again, nobody takes what is sent:
// Jupyter marks such views, and throws. Nothing in them can be pressed or have the keyboard.
function mount(root, el) {
  root.addEventListener("keydown", (event) => {
    if (!event.ctrlKey && !event.metaKey && !event.altKey) event.stopPropagation();
  });
  el.append(root);
  const follow = () => { root.inert = !isLive(root); };
  new MutationObserver(follow).observe(el, { attributes: true, attributeFilter: ["class"] });
  follow();
}

// Tells the kernel that a view is open. A page that is being left goes on rendering what it had
// begun, when its kernel is gone already: nobody is there to be told, nor to see it.
function announce(model, more = {}) {
  try {
    model.send({ kind: "ready", ...more });
  } catch (error) {
    if (error.message !== "Cannot send") throw error;
  }
}

const FOCUSABLE = "button, input, select, summary, textarea, [tabindex]";
const isSeen = (one) => one.getClientRects().length > 0;
const sameAs = (one) => one.id || `${one.tagName} ${one.getAttribute("aria-label") ?? one.textContent}`;

// What is drawn anew keeps the keyboard at the same thing, or at what is given instead.
function keepFocus(root, draw, instead = () => root) {
  const active = root.contains(document.activeElement) ? document.activeElement : null;
  const same = active && sameAs(active);
  draw();
  if (!active || (active.isConnected && isSeen(active))) return;
  const found = [...root.querySelectorAll(FOCUSABLE)].find((one) => isSeen(one) && sameAs(one) === same);
  (found ?? instead()).focus();
}

// The keyboard goes on there, if it is in the same dashboard or nowhere: a notebook may show
// several. What is to be shown first may be so only some pictures later.
const MOST_PICTURES = 60;

function takeFocus(root, target, pictures = MOST_PICTURES) {
  const place = root.closest(".ghostnb-dashboard") ?? root.closest(".ghostnb-browser") ?? root;
  const active = document.activeElement;
  if (active && active !== document.body && !place.contains(active)) return;
  if (isSeen(target)) target.focus();
  else if (pictures) requestAnimationFrame(() => takeFocus(root, target, pictures - 1));
}

const isLive = (root) => !root.closest(".jupyter-widgets-disconnected");
