// Keeps a page as it is now. Everything is there without it, as of when it was loaded.
"use strict";

let source = null;
let address = ""; // of what is followed, from what this page has on
let later = 0;

const sign = (text, href = "") => {
  const live = document.getElementById("live");
  if (!live) return;
  live.textContent = text;
  live.hidden = !text;
  if (!href) return;
  const link = document.createElement("a");
  link.href = href;
  link.textContent = text;
  live.replaceChildren(link);
};

// What comes next follows what is there, on another connection too.
const reached = (name, value) => {
  address = address.replace(new RegExp(`([?&]${name}=)[^&]*`), `$1${value}`);
};

// An element of HTML, or of a drawing: these have another name space.
const made = (html, old) => {
  const template = document.createElement("template");
  if (old instanceof SVGElement && old.tagName !== "svg") {
    template.innerHTML = `<svg>${html}</svg>`;
    return template.content.firstElementChild.firstElementChild;
  }
  template.innerHTML = html;
  return template.content.firstElementChild;
};

const replace = (old, html) => {
  const fresh = made(html, old);
  const focused = old.contains(document.activeElement)
    ? document.activeElement.getAttribute("href")
    : null;
  old.replaceWith(fresh);
  if (focused) {
    const again = [...fresh.querySelectorAll("a")].find(
      (one) => one.getAttribute("href") === focused,
    );
    if (again) again.focus({ preventScroll: true });
  }
};

const parts = (event) => {
  if (event.lastEventId) reached("since", event.lastEventId);
  for (const [name, html] of Object.entries(JSON.parse(event.data))) {
    const old = document.getElementById(name);
    if (old) replace(old, html);
  }
};

// A log stays at its end for who is there, and where it is for who reads.
const log = (event) => {
  const shown = document.getElementById("log");
  if (!shown) return;
  const isAtEnd = shown.scrollHeight - shown.scrollTop - shown.clientHeight < 40;
  const { text, end } = JSON.parse(event.data);
  shown.append(text);
  reached("at", end);
  if (isAtEnd) shown.scrollTop = shown.scrollHeight;
};

// Who is typing, or is about to press a button, goes first; not for ever, for nobody tells
// of a button that is let go over a menu of the browser.
let busyUntil = 0;
for (const [name, milliseconds] of Object.entries({
  compositionstart: 30_000, compositionend: 0, pointerdown: 5_000, pointerup: 0, pointercancel: 0,
})) addEventListener(name, () => (busyUntil = Date.now() + milliseconds));

// What somebody has typed or chosen is theirs, and so is the place of the cursor.
const kept = () => {
  const at = document.activeElement;
  const fields = [...document.querySelectorAll("input[id], select[id]")].map((one) => {
    const { id, value, checked } = one;
    const isOwn = one.tagName === "SELECT"
      ? [...one.options].some((option) => option.selected !== option.defaultSelected) && one.selectedIndex > -1
      : one.value !== one.defaultValue || one.checked !== one.defaultChecked;
    const cursor = one === at && one.type === "search" ? [one.selectionStart, one.selectionEnd] : null;
    return { id, value, checked, isOwn, cursor };
  });
  return { focused: at && at.id, fields };
};

const restore = ({ focused, fields }) => {
  const again = focused && document.getElementById(focused);
  if (again) again.focus({ preventScroll: true });
  for (const { id, value, checked, isOwn, cursor } of fields) {
    const field = document.getElementById(id);
    if (!field) continue;
    if (isOwn) {
      field.value = value;
      if (checked !== undefined) field.checked = checked;
    }
    if (cursor) field.setSelectionRange(...cursor);
  }
};

// Return whether nothing more comes, and say why.
const isOver = (status) => {
  if (status === 401) sign("sign in again", location.href);
  else if (status === 404) sign("no more to be seen");
  else return false;
  leave();
  return true;
};

const reload = async () => {
  const answer = await fetch(location.href, { headers: { Accept: "text/html" } }).catch(() => null);
  if (answer === null) return again(PAUSE);
  if (isOver(answer.status)) return;
  if (!answer.ok) return again(LONG_PAUSE);
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  while (Date.now() < busyUntil) await new Promise((done) => setTimeout(done, 200));
  const before = kept();
  document.getElementById("main").replaceWith(fresh.getElementById("main"));
  restore(before);
  watch();
};

const leave = () => {
  clearTimeout(later);
  if (source) source.close();
  source = null;
};

const PAUSE = 3_000;
const LONG_PAUSE = 30_000;

const again = (milliseconds) => {
  leave();
  later = setTimeout(follow, milliseconds);
};

const lost = async () => {
  const isRefused = source.readyState === EventSource.CLOSED;
  again(isRefused ? LONG_PAUSE : PAUSE);
  sign("offline");
  if (!isRefused) return;
  const page = await fetch(location.href, { method: "HEAD", headers: { Accept: "text/html" } }).catch(() => null);
  if (page !== null) isOver(page.status);
};

// Nobody reads a hidden page: it takes no connection, and catches up once it is shown.
const follow = () => {
  leave();
  if (!address || document.hidden || !window.EventSource) return;
  source = new EventSource(address);
  source.addEventListener("open", () => sign("live"));
  source.addEventListener("parts", parts);
  source.addEventListener("log", log);
  source.addEventListener("reload", reload);
  source.addEventListener("error", lost);
};

const watch = () => {
  const shown = document.getElementById("log");
  if (shown) shown.scrollTop = shown.scrollHeight;
  const main = document.querySelector("[data-live]");
  address = main ? main.dataset.live : "";
  follow();
};

addEventListener("pagehide", leave);
addEventListener("pageshow", (event) => event.persisted && follow());
document.addEventListener("visibilitychange", follow);
watch();
