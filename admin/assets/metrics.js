// Lets people read the charts that the server draws: one cursor over all of them, a drag to zoom the
// page, a click to the logs of a point. New drawings come in place and never while somebody reads.
// Everything drawn is the server's; this adds a hair, dots on its lines, and texts of the server.
import { fetchPage } from "./page.js";

const page = document.querySelector("[data-metrics]");
const state = page.querySelector("[data-state]");
const at = page.querySelector("[data-at]");
const figures = [...page.querySelectorAll("[data-chart]")];
// The drawings are as wide and as high in units of their own.
const [WIDTH, HEIGHT] = [1000, 300];
const iso = (seconds) => new Date(seconds * 1000).toISOString();
const filled = (template, from, to) => template.replace("{from}", encodeURIComponent(iso(from))).replace("{to}", encodeURIComponent(iso(to)));

// The time that is drawn, in seconds since the Unix epoch.
let span;
// The values of all intervals as texts, asked for when somebody first points.
let values = null;
// The interval under the cursor, from the first of the drawing.
let pointed = null;

function drawn() {
  const { from, to, step } = page.dataset;
  span = { from: Number(from), to: Number(to), step: Number(step) };
  values = null;
  pointed = null;
  at.textContent = "";
}

// Where an interval begins and ends as far as it is in the window, and the middle where it is drawn.
function interval(index) {
  const start = (Math.floor(span.from / span.step) + index) * span.step;
  const [from, to] = [Math.max(start, span.from), Math.min(start + span.step, span.to)];
  return { start, middle: ((from + to) / 2 - span.from) / (span.to - span.from) * WIDTH };
}
function share(figure, x) {
  const { left, width } = figure.querySelector("svg").getBoundingClientRect();
  return Math.max(0, Math.min(1, (x - left) / width));
}
const timeAt = (figure, x) => span.from + share(figure, x) * (span.to - span.from);
const indexAt = (figure, x) => Math.floor(Math.min(timeAt(figure, x), span.to - 1e-6) / span.step) - Math.floor(span.from / span.step);

function shape(name, attributes) {
  const found = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) found.setAttribute(key, value);
  return found;
}
function overlay(figure) {
  const svg = figure.querySelector("svg");
  return svg.querySelector(".cursor") ?? svg.appendChild(shape("g", { class: "cursor" }));
}

// A dot on each line that has a point here.
function dots(figure, x) {
  const near = Math.round(x);
  return [...figure.querySelectorAll("path[data-line]")].flatMap((line) => {
    const points = line.getAttribute("d").matchAll(/[ML](\d+) (\d+)/g);
    const found = points.find(([, left]) => Math.abs(left - near) <= 1);
    return found ? [shape("path", { class: `dot ${line.getAttribute("class")}`, d: `M${found[1]} ${found[2]}h0` })] : [];
  });
}

// The values under the cursor, or the last ones.
async function legends() {
  const index = pointed;
  for (const text of page.querySelectorAll(".legend b")) {
    text.dataset.last ??= text.textContent;
    if (index === null) text.textContent = text.dataset.last;
  }
  if (index === null) return;
  values ??= fetch(page.dataset.metrics).then((answer) => answer.json());
  const data = await values.catch(() => { values = null; });
  if (!data || index !== pointed) return;
  for (const figure of figures) {
    const plot = data.plots.find(({ id }) => id === figure.dataset.chart);
    figure.querySelectorAll(".legend b").forEach((text, line) => { text.textContent = plot?.series[line]?.texts[index] ?? "–"; });
  }
}

function point(index) {
  if (index === pointed) return;
  pointed = index;
  const here = index === null ? null : interval(index);
  for (const figure of figures) {
    const marks = here ? [shape("path", { class: "hair", d: `M${here.middle} 0V${HEIGHT}` }), ...dots(figure, here.middle)] : [];
    overlay(figure).replaceChildren(...marks);
  }
  at.textContent = here ? iso(here.start + span.step / 2).slice(11, 19) : "";
  legends();
}

// A drag over a drawing shows that time; a click leads to the logs of the interval, of a minute at least.
// Fingers cannot point before they press: their first press shows the values, a second one leads on.
function follow(figure) {
  const area = figure.querySelector(".area");
  let down = null;
  let touched = null;
  area.addEventListener("pointermove", (event) => {
    if (event.pointerType !== "touch") point(indexAt(figure, event.clientX));
    if (down === null || event.pointerType === "touch") return;
    const [left, right] = [down, event.clientX].map((x) => share(figure, x) * WIDTH).sort((one, other) => one - other);
    overlay(figure).querySelector(".select")?.remove();
    overlay(figure).append(shape("rect", { class: "select", x: left, y: 0, width: right - left, height: HEIGHT }));
  });
  area.addEventListener("pointerdown", (event) => {
    down = event.clientX;
    if (event.pointerType !== "touch") area.setPointerCapture(event.pointerId);
  });
  area.addEventListener("pointercancel", () => { down = null; });
  area.addEventListener("click", (event) => {
    const [left, right] = [down ?? event.clientX, event.clientX].sort((one, other) => one - other);
    down = null;
    if (right - left > 4) {
      if (event.pointerType !== "touch") location.assign(filled(page.dataset.here, Math.floor(timeAt(figure, left)), Math.ceil(timeAt(figure, right))));
      return;
    }
    const index = indexAt(figure, event.clientX);
    if (event.pointerType === "touch" && touched !== index) { touched = index; point(index); return; }
    const { start } = interval(index);
    const from = span.step >= 60 ? start : Math.floor(start / 60) * 60;
    location.assign(filled(figure.dataset.logs, from, from + Math.max(span.step, 60)));
  });
  area.addEventListener("pointerleave", (event) => { if (event.pointerType !== "touch") point(null); });
}

let isPaused = false;
let isOver = false;
const isRead = () => isPaused || isOver || document.hidden || !getSelection().isCollapsed;
// What somebody opened or stands on stays as it is.
const isOpen = (part) => part.contains(document.activeElement) || part.matches("[open]") || part.querySelector("details[open]");
const say = () => { state.textContent = `${refresh > 0 ? "live" : "as of"}${refresh > 0 ? "," : ""} ${page.dataset.now} ${page.dataset.zone}`; };

function swap(old, drawing) {
  if (old && drawing && !isOpen(old)) old.replaceWith(document.importNode(drawing, true));
}

// The new page with the charts of this one: their places, and what listens there, stay.
function replace(found) {
  const next = found.querySelector("[data-metrics]");
  Object.assign(page.dataset, next.dataset);
  for (const figure of figures) {
    const drawing = next.querySelector(`[data-chart="${CSS.escape(figure.dataset.chart)}"]`);
    if (!drawing) continue;
    for (const part of [".area > svg", ".y", ".ticks", ".legend", "details"]) swap(figure.querySelector(part), drawing.querySelector(part));
  }
  swap(page.querySelector("[data-durations] figure"), next.querySelector("[data-durations] figure"));
  drawn();
}
let isLoading = false;
async function load() {
  if (isLoading) return;
  isLoading = true;
  try {
    const found = await fetchPage(location.href);
    if (isRead()) return;
    replace(found);
    page.classList.remove("stale");
    say();
  } catch {
    page.classList.add("stale");
    state.textContent = "no response; data is stale";
  } finally {
    isLoading = false;
  }
}
const refresh = Number(page.dataset.refresh);
drawn();
say();
figures.forEach(follow);
if (refresh > 0) {
  setInterval(() => { if (!isRead()) load(); }, refresh * 1000);
  const pause = page.querySelector("[data-pause]");
  pause.addEventListener("click", () => {
    isPaused = !isPaused;
    pause.textContent = isPaused ? "Resume" : "Pause";
    if (isPaused) { state.textContent = "paused"; return; }
    load();
  });
  for (const figure of [...figures, page.querySelector("[data-durations]")]) {
    figure.addEventListener("pointerenter", () => { isOver = true; });
    figure.addEventListener("pointerleave", () => { isOver = false; });
  }
}
