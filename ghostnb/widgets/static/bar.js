// The dashboard's title bar: its tabs and, where Voilà's page is the dashboard's own,
// the theme and the page's address.

function render({ model, el }) {
  const tabs = model.get("_tabs");
  const list = element("div", "ghostnb-tabs", { role: "tablist", "aria-label": "Dashboard" });
  const theme = element("button", "ghostnb-theme", { type: "button" });
  theme.addEventListener("click", () => {
    setTheme(isDark() ? "light" : "dark");
    draw();
  });
  const root = element("div", "ghostnb ghostnb-titlebar", {}, element("strong", "ghostnb-name", {}, "ghostnb"), list, theme);
  const choose = (tab) => {
    model.set("tab", tab);
    model.save_changes();
  };
  const draw = () => {
    const chosen = model.get("tab");
    const hadFocus = list.contains(document.activeElement);
    list.replaceChildren(...tabs.map((name) => {
      const isChosen = name === chosen;
      const tab = element("button", "ghostnb-tab", { type: "button", role: "tab", "aria-selected": isChosen, tabindex: isChosen ? 0 : -1 }, name);
      tab.addEventListener("click", () => choose(name));
      if (isChosen && hadFocus) queueMicrotask(() => tab.focus());
      return tab;
    }));
    theme.textContent = isDark() ? "Light theme" : "Dark theme";
  };
  const turn = () => {
    draw();
    // What had the focus goes with its page.
    const dashboard = root.closest(".ghostnb-dashboard"), active = document.activeElement;
    if (dashboard?.contains(active) && !root.contains(active)) list.querySelector("[aria-selected=true]")?.focus();
  };
  list.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    choose(tabs[(tabs.indexOf(model.get("tab")) + step + tabs.length) % tabs.length]);
    event.preventDefault();
    event.stopPropagation();
  });
  const place = document.body.dataset.voila ? new Place(model) : null;
  theme.hidden = place === null;
  model.on("change:tab", turn);
  draw();
  mount(root, el);
  announce(model);
  return () => {
    model.off("change:tab", turn);
    place?.leave();
  };
}

const isDark = () => document.body.dataset.jpThemeLight === "false";

function setTheme(name) {
  document.body.dataset.jpThemeLight = String(name === "light");
  document.body.dataset.jpThemeName = name === "light" ? "JupyterLab Light" : "JupyterLab Dark";
  try {
    localStorage.setItem("ghostnb-theme", name);
  } catch {
    // A page that may keep nothing has its theme until it is closed.
  }
}

// What is selected stands in the address, so that a link shows the same.
const PLACES = ["tab", "registry", "repository", "tag"];

// The kernel answers what was chosen by changes of its own: these are one step, not several.
const SETTLED_MS = 150, ANSWERED_MS = 2000;

class Place {
  constructor(model) {
    this.model = model;
    this.write = () => {
      clearTimeout(this.settling);
      this.settling = setTimeout(() => this.tell(), SETTLED_MS);
    };
    this.read = () => this.follow(true);
    for (const name of PLACES) model.on(`change:${name}`, this.write);
    addEventListener("popstate", this.read);
    this.follow(false);
    this.tell();
  }

  // Going back, what the address has not is no longer selected.
  follow(isBack) {
    const asked = new URLSearchParams(location.search), { model } = this;
    this.followed = performance.now();
    for (const name of PLACES) {
      if (asked.has(name)) model.set(name, asked.get(name));
      else if (isBack) model.set(name, name === "tab" ? model.get("_tabs")[0] : "");
    }
    model.save_changes();
  }

  tell() {
    const query = new URLSearchParams(location.search);
    // Taken out first, so that they stand in the same order however they came.
    for (const name of PLACES) query.delete(name);
    for (const name of PLACES) if (this.model.get(name)) query.set(name, this.model.get(name));
    const address = `${location.pathname}?${query}`;
    if (address === location.pathname + location.search) return;
    const isStep = performance.now() - this.followed > ANSWERED_MS;
    history[isStep ? "pushState" : "replaceState"](null, "", address);
  }

  leave() {
    clearTimeout(this.settling);
    for (const name of PLACES) this.model.off(`change:${name}`, this.write);
    removeEventListener("popstate", this.read);
  }
}

export default { render };
