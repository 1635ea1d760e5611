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
}

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
