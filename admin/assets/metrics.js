// Draws the charts of the server anew so that they can be read closely: one cursor over all of them, a
// drag to zoom the page, a click to the logs of a point. New figures come in place and never while
// somebody reads. Without this script the drawings of the server stay.
import { fetchPage } from "./page.js";

const page = document.querySelector("[data-metrics]");
const state = page.querySelector("[data-state]");
const at = page.querySelector("[data-at]");
const charts = new Map();
const figures = new Map([...page.querySelectorAll("[data-chart]")].map((figure) => [figure.dataset.chart, figure]));
// A canvas knows no variables: an element that nobody sees has them as colors.
const probe = document.createElement("i");
probe.hidden = true;
page.append(probe);
const css = (name) => { probe.style.color = `var(${name})`; return getComputedStyle(probe).color; };
const colors = {
  bad: "--bad", limit: "--limit", error: "--error-bar", warn: "--warn-bar", info: "--info", debug: "--debug", trace: "--trace",
};
const color = (name) => css(colors[name] ?? `--${name}`);
const iso = (seconds) => new Date(seconds * 1000).toISOString();
const filled = (template, from, to) => template.replace("{from}", encodeURIComponent(iso(from))).replace("{to}", encodeURIComponent(iso(to)));

// Figures as the server writes them.
function number(value) {
  const size = Math.abs(value);
  if (size >= 1000) return Math.round(value).toLocaleString("en-US");
  const digits = size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : size >= 0.1 ? 3 : 4;
  return String(Number(value.toFixed(digits)));
}
function bytes(value) {
  let unit = 0;
  while (Math.abs(value) >= 1024 && unit < 4) { value /= 1024; unit += 1; }
  return `${number(value)} ${["B", "KiB", "MiB", "GiB", "TiB"][unit]}`;
}
function seconds(value) {
  const units = [[1e-3, 1e-6, "µs"], [1, 1e-3, "ms"], [120, 1, "s"], [7200, 60, "min"], [172800, 3600, "h"], [Infinity, 86400, "d"]];
  if (value === 0) return "0 s";
  const [, divisor, unit] = units.find(([below]) => Math.abs(value) < below);
  return `${number(value / divisor)} ${unit}`;
}
const shown = {
  count: number, rate: (value) => `${number(value)}/s`, seconds, bytes, byterate: (value) => `${bytes(value)}/s`,
  share: (value) => `${number(value * 100)}%`,
};

// What people are told about time is UTC.
function tick(span) {
  const two = (part) => String(part).padStart(2, "0");
  return (second) => {
    const date = new Date(second * 1000);
    const time = `${two(date.getUTCHours())}:${two(date.getUTCMinutes())}`;
    const day = `${date.getUTCDate()} ${date.toLocaleString("en-GB", { month: "short", timeZone: "UTC" })}`;
    if (span > 3 * 86400) return day;
    if (span > 86400) return `${day} ${time}`;
    return span > 300 ? time : `${time}:${two(date.getUTCSeconds())}`;
  };
}

// Gaps, alerts and deployments lie behind the lines.
function background(plot) {
  const { ctx, bbox } = plot;
  const { gaps, bands, lines } = plot.shared;
  const x = (time) => Math.max(bbox.left, Math.min(bbox.left + bbox.width, plot.valToPos(time, "x", true)));
  const fill = (from, to, style, alpha) => {
    ctx.globalAlpha = alpha;
    ctx.fillStyle = css(style);
    ctx.fillRect(x(from), bbox.top, Math.max(x(to) - x(from), 2 * devicePixelRatio), bbox.height);
  };
  ctx.save();
  for (const [from, to] of gaps) fill(from, to, "--hatch", 0.1);
  for (const [from, to] of bands) fill(from, to, "--error-bar", 0.18);
  for (const time of lines) fill(time, time, "--text", 0.9);
  ctx.restore();
}

// The values under the cursor, or the last ones.
function legend(plot) {
  const { idx } = plot.cursor;
  const isOver = idx !== null && idx !== undefined;
  plot.shared.texts.forEach((text, at) => {
    const values = plot.data[at + 1];
    const value = isOver ? values[idx] : values.findLast((known) => known !== null);
    text.textContent = value === null || value === undefined ? "–" : plot.shared.show(value);
  });
  if (plot.shared.isLeader) at.textContent = isOver ? `${iso(plot.data[0][idx]).slice(11, 19)}` : "";
}

function entries(figure, series) {
  const items = series.map(({ name, class: look }) => {
    const item = document.createElement("li");
    const mark = document.createElement("i");
    mark.className = look;
    const value = document.createElement("b");
    item.append(mark, `${name} `, value);
    return item;
  });
  figure.querySelector(".legend").replaceChildren(...items);
  return items.map((item) => item.lastElementChild);
}

function axes(plotData, data) {
  const font = `11px ${getComputedStyle(page).fontFamily}`;
  const line = { stroke: () => css("--soft"), width: 1 };
  const label = new Map(plotData.axis);
  return [
    { font, stroke: () => css("--quiet"), grid: { show: false }, ticks: { show: false }, size: 20, gap: 4, space: 70, values: (_, splits) => splits.map(tick(data.to - data.from)) },
    { font, stroke: () => css("--quiet"), grid: line, ticks: { show: false }, size: 56, gap: 4, splits: () => plotData.axis.map(([value]) => value), values: (_, splits) => splits.map((value) => label.get(value) ?? "") },
  ];
}

// Points stand in the middle of their intervals.
const values = (plotData, data) => [data.times.map((time) => time + data.step / 2), ...plotData.series.map((one) => one.values)];
const shape = (plotData) => plotData.series.map((one) => `${one.name}/${one.class}`).join("\n");

function draw(figure, plotData, data) {
  const area = figure.querySelector(".area");
  const box = area.getBoundingClientRect();
  const shared = { show: shown[figure.dataset.measure], texts: entries(figure, plotData.series), isLeader: charts.size === 0, shape: shape(plotData), axis: plotData.axis };
  const range = { from: data.from, to: data.to };
  Object.assign(shared, { range, gaps: data.gaps, bands: data.bands, lines: data.lines, step: data.step });
  const options = {
    width: box.width, height: box.height, padding: [6, 4, 0, 0], legend: { show: false },
    tzDate: (time) => uPlot.tzDate(new Date(time * 1000), "Etc/UTC"),
    cursor: { sync: { key: "metrics" }, drag: { x: true, y: false, setScale: false }, points: { size: 6 }, y: false },
    scales: { x: { range: () => [range.from, range.to] }, y: { range: () => [0, shared.axis.at(-1)[0]] } },
    axes: axes(shared, data),
    series: [{}, ...plotData.series.map((one) => ({
      stroke: () => color(one.class), width: 1.5, dash: one.class === "limit" ? [4, 4] : undefined, points: { show: false, filter: lone },
    }))],
    hooks: { drawClear: [(plot) => { plot.shared = shared; background(plot); }], setCursor: [(plot) => { plot.shared = shared; legend(plot); }], setSelect: [zoom] },
  };
  figure.classList.add("drawn");
  const plot = new uPlot(options, values(plotData, data), area);
  plot.shared = shared;
  legend(plot);
  lead(plot, figure);
  charts.set(figure.dataset.chart, plot);
  new ResizeObserver(() => {
    const { width } = area.getBoundingClientRect();
    if (width > 0 && Math.abs(width - plot.width) > 1) plot.setSize({ width, height: plot.height });
  }).observe(area);
}

// A value between two gaps is a point, as there is no line to it.
function lone(plot, series, isShown) {
  if (isShown) return null;
  const known = plot.data[series];
  const found = [];
  known.forEach((value, at) => { if (value !== null && (known[at - 1] ?? null) === null && (known[at + 1] ?? null) === null) found.push(at); });
  return found;
}

function zoom(plot) {
  if (plot.select.width < 5) return;
  const [from, to] = [plot.select.left, plot.select.left + plot.select.width].map((place) => plot.posToVal(place, "x"));
  location.assign(filled(page.dataset.here, Math.floor(from), Math.ceil(to)));
}

// A click leads to the logs of the interval, of a minute at least. Fingers cannot point before they
// press: their first press shows the values, a second one at the same place leads on.
function lead(plot, figure) {
  let down = null;
  let touched = null;
  plot.over.addEventListener("pointerdown", (event) => { down = event.clientX; });
  plot.over.addEventListener("click", (event) => {
    const { idx } = plot.cursor;
    if (idx === null || idx === undefined || Math.abs(event.clientX - down) > 4) return;
    if (event.pointerType === "touch" && touched !== idx) { touched = idx; return; }
    const { step } = plot.shared;
    const middle = plot.data[0][idx];
    const from = step >= 60 ? middle - step / 2 : Math.floor(middle / 60) * 60;
    location.assign(filled(figure.dataset.logs, from, from + Math.max(step, 60)));
  });
}

function show(data) {
  for (const plotData of data.plots) {
    const figure = figures.get(plotData.id);
    if (!figure) continue;
    let plot = charts.get(plotData.id);
    if (plot && plot.shared.shape !== shape(plotData)) {
      plot.destroy();
      charts.delete(plotData.id);
      plot = undefined;
    }
    if (!plot) { draw(figure, plotData, data); continue; }
    const { shared } = plot;
    Object.assign(shared.range, { from: data.from, to: data.to });
    Object.assign(shared, { gaps: data.gaps, bands: data.bands, lines: data.lines, step: data.step, axis: plotData.axis });
    plot.axes[1].values = axes(plotData, data)[1].values;
    plot.axes[1].splits = () => plotData.axis.map(([value]) => value);
    plot.setData(values(plotData, data));
    legend(plot);
  }
}

let isPaused = false;
let isOver = false;
const isRead = () => isPaused || isOver || document.hidden || !getSelection().isCollapsed;
async function load() {
  try {
    const answer = await fetch(page.dataset.metrics);
    if (!answer.ok) throw new Error(answer.status);
    const data = await answer.json();
    if (charts.size > 0 && isRead()) return;
    show(data);
    page.classList.remove("stale");
    state.textContent = refresh > 0 ? `live, ${data.now} UTC` : `as of ${data.now} UTC`;
  } catch {
    page.classList.add("stale");
    state.textContent = "no response; data is stale";
  }
}
// The server draws the heatmap; a page that follows fetches the drawing alone.
const durations = page.querySelector("[data-durations]");
async function redrawDurations() {
  if (durations.contains(document.activeElement) || durations.querySelector("details[open]")) return;
  const drawn = await fetchPage(durations.dataset.durations).catch(() => null);
  if (drawn && !isRead()) durations.replaceChildren(document.importNode(drawn.querySelector("figure"), true));
}
const refresh = Number(page.dataset.refresh);
load();
if (refresh > 0) {
  setInterval(() => {
    if (isRead()) return;
    load();
    redrawDurations();
  }, refresh * 1000);
  const pause = page.querySelector("[data-pause]");
  pause.addEventListener("click", () => {
    isPaused = !isPaused;
    pause.textContent = isPaused ? "Resume" : "Pause";
    if (isPaused) { state.textContent = "paused"; return; }
    load();
    redrawDurations();
  });
  for (const figure of [...figures.values(), durations]) {
    figure.addEventListener("pointerenter", () => { isOver = true; });
    figure.addEventListener("pointerleave", () => { isOver = false; });
  }
}
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  for (const plot of charts.values()) plot.redraw(false);
});
