// New records at the top of the list, built from texts. What is being read never moves: while the list
// is scrolled, hovered, selected, open or paused, new records wait behind a button.
import { fetchPage } from "./page.js";

const KEPT = 500;
const bar = document.querySelector("[data-tail]");
const list = document.querySelector("[data-live]");

// The head of each column behind the message, without the link that removes it.
const titles = [...document.querySelectorAll(".records thead th")].slice(3).map((th) => th.firstChild.textContent.trim());

function make(name, className, text = "") {
  const element = document.createElement(name);
  element.className = className;
  element.textContent = text;
  return element;
}

function link(text, url, name) {
  const a = make("a", "", text);
  a.href = url;
  if (name) a.dataset[name] = "";
  return a;
}

// The fields of a record come when it is opened for the first time.
function message(record) {
  const details = document.createElement("details");
  const summary = document.createElement("summary");
  for (const [text, isMatch] of record.message) summary.append(isMatch ? make("mark", "", text) : text);
  if (record.message.length === 0) summary.append("(no message)");
  const links = make("p", "links");
  links.append(link("context", record.context, "context"));
  if (record.request) links.append(link("request", record.request, "request"));
  details.append(summary, links);
  details.addEventListener("toggle", async () => {
    if (!details.open || details.dataset.whole) return;
    details.dataset.whole = "1";
    try {
      const page = await fetchPage(record.url);
      links.replaceWith(document.importNode(page.querySelector(".detail"), true));
    } catch {
      delete details.dataset.whole;
    }
  });
  return details;
}

function row(record) {
  const tr = make("tr", `record ${record.level}`);
  tr.id = `e${record.id}`;
  const time = make("td", "time");
  const permalink = link(record.time, record.url, "link");
  permalink.title = record.full;
  time.append(permalink);
  const level = make("td", "");
  level.append(make("span", `level ${record.level}`, record.level));
  const text = make("td", "message");
  text.append(message(record));
  tr.append(time, level, text);
  for (const [number, [text, url, isNumber, whole]] of record.cells.entries()) {
    const td = make("td", isNumber ? "num" : "cell", url ? "" : text);
    td.dataset.title = titles[number] ?? "";
    if (url) td.append(link(text, url, "request"));
    if (whole) td.title = whole;
    tr.append(td);
  }
  return tr;
}

if (bar && list) {
  const state = bar.querySelector("[data-state]");
  const pause = bar.querySelector("[data-pause]");
  const show = bar.querySelector("[data-show]");
  let waiting = [];
  let isPaused = false;
  let isHovered = false;
  let sampled;
  const isReading = () =>
    isPaused || isHovered || list.getBoundingClientRect().top < 0 || !getSelection().isCollapsed ||
    list.contains(document.activeElement) || list.querySelector("details[open]") !== null;

  function flush(force) {
    if (waiting.length > 0 && (force || !isReading())) {
      list.prepend(...waiting.map(row).reverse());
      waiting = [];
      while (list.children.length > KEPT) list.lastElementChild.remove();
    }
    show.hidden = waiting.length === 0;
    show.textContent = `${waiting.length} new`;
  }
  function say(text, waits = false) {
    state.textContent = text;
    state.classList.toggle("waits", waits);
  }
  list.addEventListener("pointerenter", () => { isHovered = true; });
  list.addEventListener("pointerleave", () => { isHovered = false; flush(); });
  show.addEventListener("click", () => { flush(true); window.scrollTo({ top: 0 }); });
  pause.addEventListener("click", () => {
    isPaused = !isPaused;
    pause.textContent = isPaused ? "Resume" : "Pause";
    flush();
  });
  document.addEventListener("scroll", () => flush(), { passive: true });
  document.addEventListener("selectionchange", () => flush());
  document.addEventListener("focusout", () => setTimeout(flush));

  // The browser asks again by itself and says what it saw last; the server fills the gap.
  const source = new EventSource(bar.dataset.tail);
  source.addEventListener("open", () => say("following"));
  source.addEventListener("error", () => {
    if (source.readyState === EventSource.CLOSED) say("disconnected; reload the page", true);
    else say("disconnected, reconnecting…", true);
  });
  source.addEventListener("records", (event) => {
    const [records, passedOver] = JSON.parse(event.data);
    waiting.push(...records);
    if (waiting.length > KEPT) waiting = waiting.slice(-KEPT);
    if (passedOver > 0) {
      say(`sampling: skipped ${passedOver.toLocaleString("en")} records above 200/s`, true);
      clearTimeout(sampled);
      sampled = setTimeout(() => say("following"), 3000);
    }
    flush();
  });
}
