// Keys, copying and dragging. Everything here repeats what links and forms of the page do already.
const $ = (selector, from = document) => from.querySelector(selector);
const $$ = (selector, from = document) => [...from.querySelectorAll(selector)];
document.documentElement.classList.add("scripted");

let saidTimer;
function say(text) {
  const said = $("#said");
  said.textContent = text;
  clearTimeout(saidTimer);
  saidTimer = setTimeout(() => { said.textContent = ""; }, 2500);
}

async function copy(text, what) {
  try {
    await navigator.clipboard.writeText(text);
    say(`${what} copied`);
  } catch {
    say("the browser does not allow copying here");
  }
}

document.addEventListener("click", async (event) => {
  const target = event.target instanceof Element ? event.target.closest("[data-copy],[data-copy-content],[data-copy-text],[data-help]") : null;
  if (!target || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  if (target.matches("[data-help]")) $("#help").showModal();
  else if (target.matches("[data-copy]")) copy(target.href, "link");
  else if (target.matches("[data-copy-text]")) copy(target.dataset.copyText, target.textContent.trim());
  else {
    const answer = await fetch(target.href);
    copy(await answer.text(), target.textContent.trim());
  }
});

// A menu closes when something else is clicked.
document.addEventListener("pointerdown", (event) => {
  for (const menu of $$("details.menu[open]")) if (!menu.contains(event.target)) menu.open = false;
});

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
  $("summary", cursor)?.focus({ preventScroll: true });
  cursor.scrollIntoView({ block: "nearest" });
}
const inRow = (selector) => cursor && $(selector, cursor)?.click();
const actions = {
  "/": () => { const box = $("#q"); box?.focus(); box?.select(); },
  j: () => move(1),
  k: () => move(-1),
  o: () => { const details = cursor && $("details", cursor); if (details) details.open = !details.open; },
  f: () => inRow("button[name=add]"),
  x: () => inRow("button[name=not]"),
  c: () => inRow("[data-context]"),
  r: () => inRow("[data-request]"),
  y: () => copy(cursor ? $("[data-link]", cursor).href : location.href, "link"),
  "?": () => $("#help").showModal(),
};
let wentAt = 0;
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const field = event.target.closest("input, textarea, select, dialog");
  if (event.key === "Escape" && field?.matches("input")) return field.blur();
  if (field) return;
  if (event.key === "g") { wentAt = event.timeStamp; return; }
  if (event.timeStamp - wentAt < 1500) {
    wentAt = 0;
    const page = $(`[data-go="${CSS.escape(event.key)}"]`);
    if (page) { event.preventDefault(); page.click(); return; }
  }
  const action = actions[event.key];
  const link = action ? null : $(`[data-key="${CSS.escape(event.key)}"]`);
  if (!action && !link) return;
  event.preventDefault();
  if (action) action(); else link.click();
});

// Drag over a histogram to zoom into it.
for (const chart of $$("svg[data-from]")) {
  const [from, to] = [Number(chart.dataset.from), Number(chart.dataset.to)];
  let start = null;
  let selection = null;
  const share = (event) => {
    const box = chart.getBoundingClientRect();
    return Math.max(0, Math.min(1, (event.clientX - box.left) / box.width));
  };
  chart.addEventListener("pointerdown", (event) => { if (event.button === 0) start = share(event); });
  chart.addEventListener("dragstart", (event) => event.preventDefault());
  window.addEventListener("pointermove", (event) => {
    if (start === null) return;
    const now = share(event);
    if (!selection && Math.abs(now - start) < 0.01) return;
    if (!selection) {
      selection = document.createElementNS("http://www.w3.org/2000/svg", "rect");
      selection.classList.add("selection");
      selection.setAttribute("y", "0");
      selection.setAttribute("height", "100");
      chart.append(selection);
    }
    selection.setAttribute("x", String(Math.min(start, now) * 1000));
    selection.setAttribute("width", String(Math.abs(now - start) * 1000));
  });
  window.addEventListener("pointerup", (event) => {
    if (start === null) return;
    const [low, high] = [Math.min(start, share(event)), Math.max(start, share(event))];
    start = null;
    if (!selection) return;
    const url = new URL(location.href);
    for (const name of ["older", "newer", "tail"]) url.searchParams.delete(name);
    const time = (part) => new Date(from + part * (to - from)).toISOString();
    url.searchParams.set("from", time(low));
    url.searchParams.set("to", time(high));
    location.assign(url);
  });
  chart.addEventListener("click", (event) => { if (selection) event.preventDefault(); });
}
