// What only the browser can do: its history, light exports of figures, the window's title, keys, the clipboard.
// Python sets window.neuronllm.say(state) anew with every change of state.
if (!window.neuronllm) {
  const DARK_TEXT = "#1F2933", LIGHT_GRID = "#D9DEE3";
  // Streamlit's own parameter for a theme: dark_theme or light_theme.
  const THEME = "embed_options";
  let state = {};

  // On one page only another value of a parameter is a step of the history: Back leads to the page before it was
  // completed or shortened. What the view itself has written stays, whatever the server knows of it.
  const push = history.pushState.bind(history);
  history.pushState = (data, unused, url) => {
    const from = new URL(location.href), to = new URL(url ?? location.href, location.href);
    // The theme that the address asks for stays in it on every page.
    for (const theme of from.searchParams.getAll(THEME))
      if (!to.searchParams.getAll(THEME).includes(theme)) to.searchParams.append(THEME, theme);
    if (from.pathname !== to.pathname) return push(data, unused, to.href);
    for (const name of linked)
      if (from.searchParams.has(name) && !to.searchParams.has(name)) to.searchParams.set(name, from.searchParams.get(name));
    const another = [...to.searchParams].some(
      ([name, value]) => name !== "draft" && from.searchParams.has(name) && from.searchParams.get(name) !== value);
    if (another) push(data, unused, to.href);
    else history.replaceState(data, unused, to.href);
  };
  let linked = [];
  const complete = (wanted, view) => {
    const url = new URL(location.href);
    for (const [name, value] of Object.entries(wanted ?? {}))
      if (!url.searchParams.has(name)) url.searchParams.set(name, value);
    for (const name of linked) if (!(name in (view ?? {}))) url.searchParams.delete(name);
    for (const [name, value] of Object.entries(view ?? {})) url.searchParams.set(name, value);
    linked = Object.keys(view ?? {});
    if (url.href !== location.href) history.replaceState(history.state, "", url.href);
  };

  // The theme that the address asks for, or that was chosen in the menu: a link opens in it, on every page.
  // Streamlit keeps it by the path that a document was opened at.
  const key = (path) => `stActiveTheme-${path}-v2`, opened = location.pathname;
  const kept = () => { try { return JSON.parse(localStorage.getItem(key(opened))); } catch { return null; } };
  const themes = { light: "Light", dark: "Dark" };
  let seen = kept();
  const theme = () => {
    const url = new URL(location.href), asked = themes[url.searchParams.get("theme")], now = kept();
    const chosen = now !== seen ? now : asked ?? now;
    seen = now;
    if (asked && asked !== now && chosen === asked && sessionStorage.getItem("neuronllm-theme") !== asked) {
      sessionStorage.setItem("neuronllm-theme", asked);
      localStorage.setItem(key(opened), JSON.stringify(asked));
      return location.reload();
    }
    sessionStorage.removeItem("neuronllm-theme");
    const name = Object.keys(themes).find((one) => themes[one] === chosen);
    if (name) {
      url.searchParams.set("theme", name);
      localStorage.setItem(key(location.pathname), JSON.stringify(chosen));
    } else url.searchParams.delete("theme");
    if (url.href !== location.href) history.replaceState(history.state, "", url.href);
  };

  // Plotly's camera copies the layout when it is pressed: for that moment its colours are those of a white page.
  const colours = (node, kept, inside) => {
    for (const [name, value] of Object.entries(node ?? {})) {
      if (value === null || typeof value !== "object" || Array.isArray(value)) continue;
      if (/font$/.test(name)) change(value, "color", DARK_TEXT, kept);
      if (/^[xy]axis\d*$/.test(name)) {
        change(value, "gridcolor", LIGHT_GRID, kept);
        change(value, "tickcolor", "rgba(0,0,0,0)", kept);
      }
      if (!inside.has(value)) { inside.add(value); colours(value, kept, inside); }
    }
  };
  const change = (node, name, value, kept) => {
    kept.push([node, name, Object.hasOwn(node, name), node[name]]);
    node[name] = value;
  };
  const light = (layout) => {
    const kept = [];
    layout.font ??= {};
    for (const name of ["paper_bgcolor", "plot_bgcolor"]) change(layout, name, "#FFFFFF", kept);
    colours(layout, kept, new Set());
    for (const note of layout.annotations ?? []) {
      if (!note.font) change(note, "font", {}, kept);
      change(note.font, "color", DARK_TEXT, kept);
    }
    return () => { for (const [node, name, was, value] of kept.reverse()) was ? (node[name] = value) : delete node[name]; };
  };
  document.addEventListener("click", (event) => {
    const camera = event.target.closest?.('.modebar-btn[data-attr="toImage"], .modebar-btn[data-title^="Download plot"]');
    const figure = camera?.closest(".js-plotly-plot");
    if (figure?.layout) setTimeout(light(figure.layout));
  }, true);

  // A run that ends while the tab is hidden is told by the tab's name until somebody looks.
  let ended = "";
  const named = () => {
    const mark = "✓ finished: ";
    const bare = document.title.startsWith(mark) ? document.title.slice(mark.length) : document.title;
    const wanted = ended ? mark + bare : bare;
    if (document.title !== wanted) document.title = wanted;
  };
  new MutationObserver(named).observe(document.querySelector("title"), { childList: true });
  document.addEventListener("visibilitychange", () => { if (!document.hidden) { ended = ""; named(); } });

  // The link shows the same in the same colours.
  const withTheme = () => {
    const url = new URL(location.href), app = document.querySelector("[data-testid=stApp]");
    const [red, green, blue] = (getComputedStyle(app).backgroundColor.match(/\d+/g) ?? [255, 255, 255]).map(Number);
    url.searchParams.set(THEME, red + green + blue < 384 ? "dark_theme" : "light_theme");
    return url.href;
  };

  document.addEventListener("keydown", (event) => {
    if (!state.present || event.target.closest?.("input, textarea, [role=slider], [role=radiogroup]")) return;
    const way = { ArrowRight: "present_next", ArrowLeft: "present_previous", Escape: "present_end" }[event.key];
    document.querySelector(`.st-key-${way} a, .st-key-${way} button`)?.click();
  });
  document.addEventListener("click", (event) => {
    const button = event.target.closest?.(".st-key-copy_link button");
    if (!button) return;
    navigator.clipboard?.writeText(withTheme());
    const said = button.querySelector("p");
    if (said) { const before = said.textContent; said.textContent = "Copied"; setTimeout(() => { said.textContent = before; }, 1500); }
  });

  // The navigation's sections stand between a list and its items: said to be a group of links, which it is.
  const sections = () => {
    for (const list of document.querySelectorAll("[data-testid=stSidebarNavItems]")) {
      list.setAttribute("role", "group");
      for (const item of list.querySelectorAll("li")) item.setAttribute("role", "none");
    }
  };

  // What the pointer rests on in one figure is marked in the others: the same neuron, or the layer that it lies in.
  const same = (a, b) => a.neuron && b.neuron ? a.neuron === b.neuron
    : a.layer !== undefined && a.layer === b.layer && (!a.role || !b.role || a.role === b.role);
  const mark = (found, from) => {
    for (const node of document.querySelectorAll(".neuronllm-marked")) node.classList.remove("neuronllm-marked");
    if (found?.layer === undefined) return;
    for (const figure of document.querySelectorAll(".js-plotly-plot"))
      for (const node of figure === from ? [] : figure.querySelectorAll(".point")) {
        const own = node.__data__?.data;
        if (own && typeof own === "object" && same(found, own)) node.classList.add("neuronllm-marked");
      }
  };
  document.addEventListener("mouseover", (event) => {
    const figure = event.target.closest?.(".js-plotly-plot");
    if (!figure?.on || figure.neuronllm) return;
    figure.neuronllm = true;
    figure.on("plotly_hover", (hover) => mark(hover.points[0]?.customdata, figure));
    figure.on("plotly_unhover", () => mark());
  });

  // A table is one stop of the Tab key: inside it arrow keys move, Ctrl F searches, and its downloads stand below.
  // The table itself would take Tab for its next cell; it does not hear of it, and the browser moves on.
  document.addEventListener("keydown", (event) => {
    if (event.key === "Tab" && event.target.closest?.("[data-testid=stDataFrame]")) event.stopPropagation();
  }, true);
  const tables = () => {
    for (const button of document.querySelectorAll(
      "[data-testid=stFullScreenFrame]:has([data-testid=stDataFrame]) [data-testid=stElementToolbar] button"))
      if (button.tabIndex !== -1) button.tabIndex = -1;
    // A table wider than its place scrolls, and browsers stop at what scrolls.
    for (const scroller of document.querySelectorAll("[data-testid=stDataFrame] .dvn-scroller:not([tabindex])"))
      scroller.setAttribute("tabindex", "-1");
  };
  let waits = false;
  new MutationObserver(() => {
    if (waits) return;
    waits = true;
    setTimeout(() => { waits = false; tables(); }, 200);
  }).observe(document.body, { childList: true, subtree: true });

  window.neuronllm = {
    say(now) {
      sections();
      setTimeout(sections, 400);
      if (state.working && !now.working && document.hidden) { ended = state.working; named(); }
      state = now;
      // While the next page is on its way, what was said of the last one may be said once more.
      if (location.pathname.split("/").pop() === now.path) { complete(now.address, now.view); theme(); }
    },
  };
}
