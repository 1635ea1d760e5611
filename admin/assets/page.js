// What the modules share: asking for a page as elements, and saying a word to everybody.
let saidTimer;

/** Shows a sentence for a moment, and to screen readers. */
export function say(text) {
  const said = document.querySelector("#said");
  said.textContent = text;
  clearTimeout(saidTimer);
  saidTimer = setTimeout(() => { said.textContent = ""; }, 2500);
}

/** A page as a document that runs nothing; rejects when there is no page. */
export function fetchPage(url) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("GET", url);
    request.responseType = "document";
    request.onload = () => (request.status === 200 && request.response ? resolve(request.response) : reject(new Error(`status ${request.status}`)));
    request.onerror = () => reject(new Error("no response"));
    request.send();
  });
}
