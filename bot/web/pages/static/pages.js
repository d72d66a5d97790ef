// Keeps a page as it is now. Everything is there without it, as of when it was loaded.
"use strict";

let source = null;

const sign = (text) => {
  const live = document.getElementById("live");
  if (live) {
    live.textContent = text;
    live.hidden = !text;
  }
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
  logEnd = end;
  if (isAtEnd) shown.scrollTop = shown.scrollHeight;
};

let logEnd = null;

const reload = async () => {
  const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
  if (answer.redirected || !answer.ok) {
    if (source) source.close();
    sign(answer.ok ? "sign in again" : "");
    return;
  }
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  const chosen = document.querySelector("input[name=show]:checked");
  const focused = document.activeElement && document.activeElement.id;
  document.getElementById("main").replaceWith(fresh.getElementById("main"));
  if (chosen) {
    const again = document.getElementById(chosen.id);
    if (again) again.checked = true;
  }
  if (focused) {
    const again = document.getElementById(focused);
    if (again) again.focus({ preventScroll: true });
  }
  watch();
};

const watch = () => {
  if (source) source.close();
  source = null;
  logEnd = null;
  const shown = document.getElementById("log");
  if (shown) shown.scrollTop = shown.scrollHeight;
  const main = document.querySelector("[data-live]");
  if (!main || !window.EventSource) return;
  follow(main.dataset.live);
};

const follow = (address) => {
  source = new EventSource(address);
  source.addEventListener("open", () => sign("live"));
  source.addEventListener("parts", parts);
  source.addEventListener("log", log);
  source.addEventListener("reload", reload);
  source.addEventListener("error", () => {
    sign("offline");
    // A log goes on behind what is there, not behind what the page began with.
    if (logEnd !== null || source.readyState === EventSource.CLOSED) {
      source.close();
      const next = logEnd === null ? address : address.replace(/&at=\d+/, `&at=${logEnd}`);
      setTimeout(() => follow(next), 3000);
    }
  });
};

addEventListener("pagehide", () => source && source.close());
addEventListener("pageshow", (event) => event.persisted && watch());
watch();
