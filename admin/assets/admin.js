// Keys, copying, dragging, loading anew. Everything here repeats what links and forms of the page do
// already. Pages become elements through the browser's own parser, never through strings of markup.
import "./complete.js";
import { fetchPage, say } from "./page.js";

const $ = (selector, from = document) => from.querySelector(selector);
const $$ = (selector, from = document) => [...from.querySelectorAll(selector)];
document.documentElement.classList.add("scripted");
// Only the browser knows where it is.
for (const local of $$("[data-local-zone]")) local.value = local.title = Intl.DateTimeFormat().resolvedOptions().timeZone;

async function copy(text, what) {
  try {
    await navigator.clipboard.writeText(text);
    say(`${what} copied`);
  } catch {
    say("copying is blocked by the browser");
  }
}

document.addEventListener("click", async (event) => {
  const target = event.target instanceof Element ? event.target.closest("[data-copy],[data-copy-content],[data-copy-text],[data-help]") : null;
  if (!target || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  if (target.matches("[data-help]")) $("#help").showModal();
  else if (target.matches("[data-copy]")) copy(target.href, "link");
  else if (target.matches("[data-copy-text]")) copy(target.dataset.copyText, "command");
  else {
    const answer = await fetch(target.href);
    copy(await answer.text(), "JSON");
  }
});

// A menu closes when something else is clicked, or by Escape.
document.addEventListener("pointerdown", (event) => {
  for (const menu of $$("details.menu[open]")) if (!menu.contains(event.target)) menu.open = false;
});

// The buttons of a field are many, so the page names them by a sign; a title is made when it is needed.
const TITLES = { add: "Only", not: "Exclude", col: "Toggle column" };
function title(event) {
  const button = event.target.closest?.(".acts button");
  if (!button || button.title) return;
  const row = button.closest("tr");
  button.title = `${TITLES[button.name]} ${$("th", row).textContent} ${button.name === "col" ? "" : $(".value", row).textContent}`.slice(0, 200).trim();
  button.setAttribute("aria-label", button.title);
}
document.addEventListener("pointerover", title);
document.addEventListener("focusin", title);

// Keys.
let cursor = null;
function move(step) {
  const rows = $$("tr.record");
  if (rows.length === 0) return;
  const at = rows.indexOf(cursor);
  const next = rows[Math.max(0, Math.min(rows.length - 1, at < 0 ? 0 : at + step))];
  cursor?.classList.remove("cursor");
  cursor = next;
  cursor.classList.add("cursor");
  ($("summary", cursor) ?? $("a", cursor))?.focus({ preventScroll: true });
  cursor.scrollIntoView({ block: "nearest" });
}
const inRow = (selector) => cursor && $(selector, cursor)?.click();
function open(row) {
  const details = row && $(".message details", row);
  if (details) details.open = !details.open;
  else if (row) $("[data-request], a", row)?.click();
}
// The first press chooses the field, the next ones go through the fields, the same key again acts.
function field(name) {
  const here = document.activeElement?.closest?.(".fields tr");
  if (here && cursor?.contains(here)) {
    if (document.activeElement.name === name) document.activeElement.click();
    else $(`button[name=${name}]`, here)?.focus();
    return;
  }
  const details = cursor && $(".message details", cursor);
  if (!details) return;
  details.open = true;
  $(`button[name=${name}]`, details)?.focus();
  say("pick a field with the arrow keys, press again to apply");
}
function step(by) {
  const here = document.activeElement?.closest?.(".fields tr");
  const next = by > 0 ? here?.nextElementSibling : here?.previousElementSibling;
  const name = document.activeElement?.name;
  if (here) $(`button[name=${name}]`, next ?? here)?.focus();
  return Boolean(here);
}
const actions = {
  "/": () => { const box = $("#q"); box?.focus(); box?.select(); },
  j: () => move(1),
  k: () => move(-1),
  o: () => open(cursor),
  f: () => field("add"),
  x: () => field("not"),
  c: () => inRow("[data-context]"),
  r: () => inRow("[data-request]"),
  y: () => copy(cursor ? $("[data-link]", cursor).href : location.href, "link"),
  "?": () => $("#help").showModal(),
};
let wentAt = -Infinity;
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  const box = event.target.closest("input, textarea, select, dialog");
  if (event.key === "Escape") {
    for (const menu of $$("details.menu[open]")) menu.open = false;
    if (box?.matches("input")) box.blur();
    return;
  }
  if (box) return;
  if (event.key === "g") { wentAt = event.timeStamp; return; }
  if (event.timeStamp - wentAt < 1500) {
    wentAt = -Infinity;
    const page = $(`[data-go="${CSS.escape(event.key)}"]`);
    if (page) { event.preventDefault(); page.click(); return; }
  }
  if (event.key.startsWith("Arrow") && step(event.key === "ArrowDown" ? 1 : -1)) return event.preventDefault();
  const action = actions[event.key];
  const link = action ? null : $(`[data-key="${CSS.escape(event.key)}"]`);
  if (!action && !link) return;
  event.preventDefault();
  if (action) action(); else link.click();
});

// A click on the head of a column sorts its table where it stands: the page is loaded and takes the place of
// this one, which keeps its position.
let shown = location.pathname + location.search;
async function swap(url) {
  const page = await fetchPage(url);
  for (const part of ["header.bar", "#main"]) $(part).replaceWith(document.importNode($(part, page), true));
  shown = location.pathname + location.search;
}
document.addEventListener("click", async (event) => {
  const head = event.target.closest?.("a[data-sort]");
  if (!head || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  const [table, at, top] = [head.closest("table").id, head.closest("th").cellIndex + 1, scrollY];
  const url = new URL(head.href);
  url.hash = "";
  try {
    history.pushState(null, "", url);
    await swap(url.href);
  } catch {
    location.assign(head.href);
    return;
  }
  scrollTo(scrollX, top);
  const sorted = $(`#${CSS.escape(table)} thead th:nth-child(${at}) a`);
  sorted?.focus({ preventScroll: true });
  say(`sorted by ${sorted?.textContent ?? ""}`);
});
addEventListener("popstate", () => {
  if (location.pathname + location.search !== shown) swap(location.href).catch(() => location.reload());
});

// Drag over a histogram to zoom into it.
let drag = null;
const share = (chart, event) => {
  const box = chart.getBoundingClientRect();
  return Math.max(0, Math.min(1, (event.clientX - box.left) / box.width));
};
document.addEventListener("pointerdown", (event) => {
  const chart = event.target.closest?.("svg[data-from]");
  if (chart && event.button === 0) drag = { chart, start: share(chart, event), selection: null };
});
document.addEventListener("dragstart", (event) => { if (event.target.closest?.("svg[data-from]")) event.preventDefault(); });
document.addEventListener("pointermove", (event) => {
  if (!drag) return;
  const now = share(drag.chart, event);
  if (!drag.selection && Math.abs(now - drag.start) < 0.01) return;
  if (!drag.selection) {
    drag.selection = document.createElementNS("http://www.w3.org/2000/svg", "rect");
    drag.selection.classList.add("selection");
    drag.selection.setAttribute("y", "0");
    drag.selection.setAttribute("height", "100");
    drag.chart.append(drag.selection);
  }
  drag.selection.setAttribute("x", String(Math.min(drag.start, now) * 1000));
  drag.selection.setAttribute("width", String(Math.abs(now - drag.start) * 1000));
});
document.addEventListener("pointerup", (event) => {
  if (!drag) return;
  const { chart, start, selection } = drag;
  drag = null;
  if (!selection) return;
  document.addEventListener("click", (click) => click.preventDefault(), { capture: true, once: true });
  const [from, to] = [Number(chart.dataset.from), Number(chart.dataset.to)];
  const time = (part) => new Date(from + part * (to - from)).toISOString();
  const ends = [start, share(chart, event)].sort((a, b) => a - b);
  const url = new URL(location.href);
  for (const name of ["older", "newer", "tail"]) url.searchParams.delete(name);
  const names = (chart.dataset.names ?? "from to").split(" ");
  names.forEach((name, at) => url.searchParams.set(name, time(ends[at])));
  location.assign(url);
});

// Loads the page anew and puts its parts in place, except those that somebody reads. A page that names no
// parts has those of its content.
const every = Number(document.body.dataset.refresh ?? 0);
const fresh = $("[data-fresh]");
const isReading = (part) =>
  !getSelection().isCollapsed || part.contains(document.activeElement) || part.matches(":hover") ||
  part.getBoundingClientRect().top < -40 || $("details[open]", part) !== null;
function parts(page) {
  const named = $$("[data-part]", page);
  return named.length > 0 ? named : [...$("#main", page).children];
}
// What takes the place of each part; all of the content when it has another number of parts.
function pairs(page) {
  const [old, next] = [parts(document), parts(page)];
  if (old[0]?.matches("[data-part]")) return old.map((part) => [part, $(`[data-part="${part.dataset.part}"]`, page)]);
  return old.length === next.length ? old.map((part, at) => [part, next[at]]) : [[$("#main"), $("#main", page)]];
}
async function refresh() {
  if (document.hidden || drag) return;
  let page;
  try {
    page = await fetchPage(location.href);
  } catch {
    fresh.textContent = "⟳ no response";
    fresh.classList.add("waits");
    return;
  }
  let waits = false;
  for (const [part, next] of pairs(page)) {
    if (!next || next.isEqualNode(part)) continue;
    if (isReading(part)) waits = true;
    else part.replaceWith(document.importNode(next, true));
  }
  fresh.textContent = waits ? "⟳ paused" : `⟳ ${every} s`;
  fresh.classList.toggle("waits", waits);
  $("#counted").textContent = $(".sum strong")?.textContent ?? "";
}
if (every > 0 && !$("[data-tail], [data-metrics]")) setInterval(refresh, every * 1000);
