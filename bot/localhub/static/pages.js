// Keeps a thread's page current and makes its boxes, commands and times work.
"use strict";

const live = document.querySelector("[data-live]");

function make(part) {
  const element = document.createElement("div");
  element.className = "part";
  element.dataset.part = part.id;
  fill(element, part);
  return element;
}

function fill(element, part) {
  const open = [...element.querySelectorAll("details")].map((each) => each.open);
  element.innerHTML = part.html;
  element.dataset.digest = part.digest;
  element.querySelectorAll("details").forEach((each, index) => {
    if (index in open) each.open = open[index];
  });
}

// Brings the children of a slot in line with the parts: new, changed, gone.
function show(slot, parts) {
  const known = new Map([...slot.children].map((each) => [each.dataset.part, each]));
  let before = slot.firstElementChild;
  for (const part of parts) {
    let element = known.get(part.id);
    known.delete(part.id);
    if (!element) {
      if (part.html === undefined) continue;
      element = make(part);
    } else if (element.dataset.digest !== part.digest && part.html !== undefined) {
      fill(element, part);
    }
    if (element === before) before = element.nextElementSibling;
    else slot.insertBefore(element, before);
  }
  known.forEach((element) => element.remove());
}

function tellTimes(root) {
  for (const each of root.querySelectorAll("time")) {
    const at = new Date(each.dateTime);
    each.title = at.toISOString();
    each.textContent = relative((Date.now() - at) / 1000);
  }
}

function relative(seconds) {
  const past = seconds >= 0;
  const size = Math.abs(seconds);
  if (past && size < 45) return "just now";
  const units = [["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]];
  const [unit, length] = units.find(([, each]) => size >= each) || units[3];
  const count = Math.max(1, Math.round(size / length));
  const text = `${count} ${unit}${count === 1 ? "" : "s"}`;
  return past ? `${text} ago` : `in ${text}`;
}

function complain(text) {
  let note = document.querySelector(".toast");
  if (!note) {
    note = document.createElement("p");
    note.className = "toast";
    note.setAttribute("role", "alert");
    document.body.append(note);
  }
  note.textContent = text;
}

async function tick(box) {
  const article = box.closest("[data-comment]");
  const form = new URLSearchParams({
    comment: article.dataset.comment,
    line: box.dataset.line,
    checked: box.checked,
  });
  const url = box.closest("[data-boxes]").dataset.boxes;
  const answer = await fetch(url, { method: "POST", body: form });
  if (!answer.ok) {
    box.checked = !box.checked;
    complain(await answer.text());
  }
}

document.addEventListener("change", (event) => {
  if (event.target.matches("input[data-line]")) tick(event.target);
  if (event.target.matches("[data-submit]")) event.target.form.submit();
});

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-command]");
  if (!button) return;
  const text = document.querySelector("#body");
  text.value = button.dataset.command;
  text.focus();
  text.scrollIntoView({ block: "center" });
});

document.addEventListener("keydown", (event) => {
  if (event.target.id === "body" && event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    event.target.form.requestSubmit(event.target.form.querySelector(".primary"));
  }
});

tellTimes(document);
setInterval(() => tellTimes(document), 10000);

if (live) {
  const source = new EventSource(live.dataset.live);
  source.onopen = () => document.documentElement.dataset.connected = "yes";
  source.onmessage = (event) => {
    for (const [name, parts] of Object.entries(JSON.parse(event.data))) {
      const slot = document.querySelector(`[data-slot="${name}"]`);
      if (slot) show(slot, parts);
    }
    tellTimes(document);
  };
}
