// Comforts. Every page does its work without this file.

const say = (sentence) => {
  document.getElementById("spoken").textContent = sentence;
};

// What a page says once is there when the page comes, and only what changes after that is spoken.
const flashes = document.querySelector(".flashes");
if (flashes) setTimeout(() => say(flashes.innerText), 300);

// The count of characters left. The limit is in characters, that of an input is in UTF-16 units: the
// field lets go of its own, shows what is too much, and does not send it.
const box = document.getElementById("text");
const left = document.getElementById("left");
if (box && left) {
  const limit = box.maxLength;
  box.removeAttribute("maxlength");
  let pause;
  const count = () => {
    const rest = limit - [...box.value].length;
    const sentence = rest < 0 ? `${-rest} over the limit` : `${rest} left`;
    left.textContent = sentence;
    left.classList.toggle("low", rest >= 0 && rest <= 20);
    left.classList.toggle("over", rest < 0);
    box.setCustomValidity(rest < 0 ? `Messages can have up to ${limit} characters.` : "");
    clearTimeout(pause);
    if (rest <= 20) pause = setTimeout(() => say(`${sentence} of ${limit} characters`), 800);
  };
  box.addEventListener("input", count);
  count();
  // An answer goes on behind the name it begins with.
  box.setSelectionRange(box.value.length, box.value.length);
}

// Times as the clock of the reader shows them. Without this file they are in UTC, as the page says.
const two = (number) => String(number).padStart(2, "0");
const localize = (root) => {
  for (const time of root.querySelectorAll("time[datetime]")) {
    const then = new Date(time.dateTime);
    if (Number.isNaN(then.getTime())) continue;
    const day = [then.getFullYear(), two(then.getMonth() + 1), two(then.getDate())].join("-");
    time.textContent = `${day} @ ${two(then.getHours())}:${two(then.getMinutes())}`;
  }
};
localize(document);
const zone = document.getElementById("zone");
if (zone) zone.textContent = Intl.DateTimeFormat().resolvedOptions().timeZone ?? "your time zone";

// "View more" in place. The document comes parsed by the browser; no string becomes markup here.
const load = (address) =>
  new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("GET", address);
    request.responseType = "document";
    request.timeout = 10_000;
    request.onload = () => {
      const arrived = new URL(request.responseURL || address);
      const asked = new URL(address);
      const right = request.status === 200 && arrived.pathname === asked.pathname;
      if (right && request.response) resolve(request.response);
      else reject(new Error(`status ${request.status}`));
    };
    request.onerror = request.ontimeout = () => reject(new Error("no response"));
    request.send();
  });

const list = document.querySelector(".messages");
const next = () => document.querySelector(".more a[rel=next]");

const append = (page) => {
  const found = [...page.querySelectorAll(".messages > li[id]")];
  const added = found.map((item) => document.importNode(item, true));
  added.forEach(localize);
  list.append(...added);
  const more = page.querySelector(".more a[rel=next]");
  if (more) next().href = more.getAttribute("href");
  else next().remove();
  return added;
};

// Back and forward find as many messages as there were, and the same place.
const remember = () => history.replaceState({ ...history.state, y: scrollY }, "");

const more = async (link) => {
  if (link.getAttribute("aria-busy") === "true") return;
  link.setAttribute("aria-busy", "true");
  try {
    const added = append(await load(link.href));
    history.replaceState({ pages: (history.state?.pages ?? 0) + 1, y: scrollY }, "");
    say(`${added.length} more messages loaded${next() ? "" : ", end of timeline"}`);
    if (added[0]) {
      added[0].tabIndex = -1;
      added[0].focus({ preventScroll: true });
    }
  } catch {
    location.assign(link.href);
  }
  link.setAttribute("aria-busy", "false");
};

const restore = async ({ pages, y }) => {
  history.scrollRestoration = "manual";
  for (let page = 0; page < Math.min(pages, 20) && next(); page += 1) append(await load(next().href));
  scrollTo({ top: y ?? 0, behavior: "instant" });
};

if (list) {
  document.addEventListener("click", (event) => {
    const link = event.target.closest(".more a[rel=next]");
    const plain = !(event.ctrlKey || event.metaKey || event.shiftKey || event.altKey);
    if (!link || !plain || event.button !== 0) return;
    event.preventDefault();
    more(link);
  });
  const [visit] = performance.getEntriesByType("navigation");
  if (history.state?.pages && visit?.type === "back_forward") restore(history.state).catch(() => {});
  else if (history.state) history.replaceState(null, "");
  addEventListener("scrollend", () => history.state?.pages && remember());
}

// A quiet sign of new messages: asked for seldom, less and less often, and only while somebody looks.
// Without credentials: asking is no visit, and keeps no session alive.
const newer = document.querySelector("[data-newer]")?.dataset.newer;
if (newer) {
  const [first, longest] = [30_000, 600_000];
  let wait = first;
  let timer = 0;
  let known = 0;
  const show = (count) => {
    const link = document.querySelector(".newer a") ?? document.createElement("a");
    link.href = location.pathname;
    link.textContent = count === 1 ? "1 new message" : `${count >= 30 ? "30 or more" : count} new messages`;
    if (!link.isConnected) {
      const line = document.createElement("p");
      line.className = "newer";
      line.append(link);
      list.before(line);
    }
    if (known === 0) say(link.textContent);
    known = count;
  };
  const ask = async () => {
    clearTimeout(timer);
    if (document.visibilityState !== "visible") return;
    try {
      const response = await fetch(newer, { credentials: "omit" });
      const { count } = await response.json();
      if (count > known) show(count);
    } catch {
      // The next one may succeed.
    }
    timer = setTimeout(ask, wait);
    wait = Math.min(wait * 1.5, longest);
  };
  timer = setTimeout(ask, wait);
  document.addEventListener("visibilitychange", ask);
}

// A time in the words and the zone of the reader.
const units = [["year", 31_536_000], ["month", 2_592_000], ["day", 86_400], ["hour", 3_600], ["minute", 60]];
const ago = (then) => {
  const seconds = Math.round((then - Date.now()) / 1000);
  const [unit, length] = units.find(([, length]) => Math.abs(seconds) >= length) ?? ["second", 1];
  return new Intl.RelativeTimeFormat(undefined, { numeric: "auto" }).format(Math.trunc(seconds / length), unit);
};
document.addEventListener("pointerover", (event) => {
  const time = event.target.closest("time");
  if (!time) return;
  const then = new Date(time.dateTime);
  time.title = `${ago(then)}, ${then.toLocaleString(undefined, { dateStyle: "full", timeStyle: "short" })}`;
});

// The number of a failed request, for whoever reports it.
for (const code of document.querySelectorAll(".request code")) {
  if (!navigator.clipboard) break;
  const button = document.createElement("button");
  button.className = "copy";
  button.textContent = "Copy";
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(code.textContent);
      button.textContent = "Copied";
      say("Request ID copied");
    } catch {
      getSelection().selectAllChildren(code);
    }
  });
  code.after(" ", button);
}
