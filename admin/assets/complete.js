// Offers names and values while a query is typed: a combobox whose list the server makes. A choice comes
// back as the whole text, so quoting is not done here.
const WAIT = 120;
// The last searches of this browser, the newest first; offered while the box is empty.
const HISTORY = "panel.searches";
const KEPT = 20;
const SHOWN = 8;

function searches() {
  try {
    const kept = JSON.parse(localStorage.getItem(HISTORY) ?? "[]");
    return Array.isArray(kept) ? kept.filter((one) => typeof one === "string") : [];
  } catch {
    // Storage is off or holds something else: there is no history then.
    return [];
  }
}

function remember(text) {
  const query = text.trim();
  if (!query) return;
  try {
    localStorage.setItem(HISTORY, JSON.stringify([query, ...searches().filter((one) => one !== query)].slice(0, KEPT)));
  } catch {
    // The search itself does not need it.
  }
}

function attach(box) {
  const list = document.createElement("ul");
  list.id = "choices";
  list.className = "choices";
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", "Suggestions");
  list.hidden = true;
  box.after(list);
  for (const [name, value] of [["role", "combobox"], ["aria-autocomplete", "list"], ["aria-expanded", "false"], ["aria-controls", list.id]]) box.setAttribute(name, value);

  let choices = [];
  let at = -1;
  let timer;
  let asking;

  function close() {
    clearTimeout(timer);
    asking?.abort();
    choices = [];
    at = -1;
    list.hidden = true;
    list.replaceChildren();
    box.setAttribute("aria-expanded", "false");
    box.removeAttribute("aria-activedescendant");
  }

  function mark(next) {
    list.children[at]?.setAttribute("aria-selected", "false");
    at = (next + choices.length) % choices.length;
    const option = list.children[at];
    option.setAttribute("aria-selected", "true");
    option.scrollIntoView({ block: "nearest" });
    box.setAttribute("aria-activedescendant", option.id);
  }

  function choose(choice) {
    box.value = choice.q;
    box.setSelectionRange(choice.caret, choice.caret);
    close();
    // A name wants a value next.
    if (choice.q[choice.caret - 1] === ":") ask();
  }

  function show() {
    list.replaceChildren(...choices.map((choice, number) => {
      const option = document.createElement("li");
      option.id = `choice-${number}`;
      option.setAttribute("role", "option");
      option.setAttribute("aria-selected", "false");
      const hint = document.createElement("span");
      hint.textContent = choice.hint;
      option.append(choice.label, hint);
      // Not on click: by then the box has lost the focus and the list is gone.
      option.addEventListener("pointerdown", (event) => { event.preventDefault(); choose(choice); });
      return option;
    }));
    at = -1;
    list.hidden = choices.length === 0;
    box.setAttribute("aria-expanded", String(choices.length > 0));
    box.removeAttribute("aria-activedescendant");
  }

  // Tab takes the first offer for what is typed; out of an empty box it leads on to the next control.
  function accepts(event) {
    if (list.hidden || event.shiftKey) return false;
    return at >= 0 ? event.key === "Enter" || event.key === "Tab" : event.key === "Tab" && box.value.trim() !== "";
  }

  async function ask() {
    asking?.abort();
    asking = new AbortController();
    const url = new URL(box.dataset.complete, location.href);
    url.searchParams.set("q", box.value);
    url.searchParams.set("caret", String(new TextEncoder().encode(box.value.slice(0, box.selectionStart)).length));
    try {
      const answer = await fetch(url, { signal: asking.signal });
      if (!answer.ok || document.activeElement !== box) return;
      const recent = box.value.trim() === "" ? searches().slice(0, SHOWN) : [];
      choices = [...recent.map((q) => ({ label: q, hint: "recent", q, caret: q.length })), ...await answer.json()];
      show();
    } catch {
      // Typed on, or no answer: nothing is offered, the query works all the same.
    }
  }

  box.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(ask, WAIT); });
  box.addEventListener("blur", close);
  box.form?.addEventListener("submit", () => remember(box.value));
  box.addEventListener("click", () => { if (box.value === "" && list.hidden) ask(); });
  box.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (list.hidden) ask(); else mark(at + (event.key === "ArrowDown" ? 1 : at < 0 ? 0 : -1));
    } else if (accepts(event)) {
      event.preventDefault();
      choose(choices[Math.max(at, 0)]);
    } else if (event.key === "Escape" && !list.hidden) {
      event.preventDefault();
      close();
    } else if (event.key === "Enter") {
      close();
    }
  });
}

for (const box of document.querySelectorAll("[data-complete]")) attach(box);
