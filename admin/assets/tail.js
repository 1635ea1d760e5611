// New records at the top of the list, built from texts. What is being read never moves: while the list
// is scrolled, hovered, selected or paused, new records wait behind a button.
const KEPT = 500;
const bar = document.querySelector("[data-tail]");
const list = document.querySelector("[data-live]");

function cell(text, className) {
  const td = document.createElement("td");
  td.className = className;
  td.textContent = text;
  return td;
}

function link(text, url) {
  const a = document.createElement("a");
  a.href = url;
  a.textContent = text;
  return a;
}

function row(record) {
  const tr = document.createElement("tr");
  tr.className = `record ${record.level}`;
  const time = cell("", "time");
  const permalink = link(record.time, record.url);
  permalink.title = record.full;
  permalink.dataset.link = "";
  time.append(permalink);
  const level = document.createElement("span");
  level.className = `level ${record.level}`;
  level.textContent = record.level;
  const levelCell = cell("", "");
  levelCell.append(level);
  const message = cell("", "message");
  message.append(link(record.message || "(no message)", record.url));
  tr.append(time, levelCell, message);
  for (const [text, url, isNumber] of record.cells) {
    const td = cell(url ? "" : text, isNumber ? "num" : "cell");
    if (url) td.append(link(text, url));
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
  list.addEventListener("pointerenter", () => { isHovered = true; });
  list.addEventListener("pointerleave", () => { isHovered = false; flush(); });
  const isReading = () => isPaused || isHovered || window.scrollY > 200 || !getSelection().isCollapsed;

  function flush(force) {
    if (waiting.length === 0 || (isReading() && !force)) {
      show.hidden = waiting.length === 0;
      show.textContent = `${waiting.length} new`;
      return;
    }
    list.prepend(...waiting.map(row).reverse());
    waiting = [];
    show.hidden = true;
    while (list.children.length > KEPT) list.lastElementChild.remove();
  }
  show.addEventListener("click", () => { flush(true); window.scrollTo({ top: 0 }); });
  pause.addEventListener("click", () => {
    isPaused = !isPaused;
    pause.textContent = isPaused ? "Go on" : "Pause";
    flush();
  });
  document.addEventListener("scroll", () => flush(), { passive: true });

  const source = new EventSource(bar.dataset.tail);
  source.addEventListener("open", () => { state.textContent = "following"; });
  source.addEventListener("error", () => {
    state.textContent = source.readyState === EventSource.CLOSED ? "ended; load the page again" : "connecting again…";
  });
  source.addEventListener("records", (event) => {
    const [records, passedOver] = JSON.parse(event.data);
    waiting.push(...records);
    if (waiting.length > KEPT) waiting = waiting.slice(-KEPT);
    if (passedOver > 0) state.textContent = `following; ${passedOver} more than can be shown`;
    flush();
  });
}
