// The page's behaviour: clicks become plain HTTP requests, and what changed on the server is drawn anew.
const { root, user, channel, view } = document.body.dataset;
const one = (selector, within = document) => within.querySelector(selector);
const messages = one("#messages");
const modal = one("#modal");
const seen = new Map();
let version = Number(document.body.dataset.version);

async function post(name, body) {
  try {
    const answer = await fetch(`${root}ui/${name}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ user, channel, ...body }),
      keepalive: true,
    });
    const said = await answer.json();
    if (said.error) toast(said.error);
    return said;
  } catch {
    toast("The practice workspace does not answer.");
    return {};
  }
}

function toast(text) {
  const line = document.createElement("p");
  line.textContent = text;
  one("#toasts").append(line);
  setTimeout(() => line.remove(), 5000);
}

// Drawing

function place(node) {
  const { action, block } = node?.dataset ?? {};
  return action ? `[data-action="${CSS.escape(action)}"][data-block="${CSS.escape(block)}"]` : null;
}

function swap(old, fresh) {
  for (const kept of old.querySelectorAll("details[data-keep][open]")) {
    one(`details[data-keep="${CSS.escape(kept.dataset.keep)}"]`, fresh)?.setAttribute("open", "");
  }
  const focus = old.contains(document.activeElement) ? place(document.activeElement) : null;
  old.replaceWith(fresh);
  if (focus) one(focus, fresh)?.focus();
}

function reconcile(html) {
  const wanted = new DOMParser().parseFromString(html, "text/html").body;
  const atEnd = messages.scrollHeight - messages.scrollTop - messages.clientHeight < 160;
  const ids = new Set([...wanted.children].map((child) => child.id));
  for (const child of [...messages.children]) if (!ids.has(child.id)) child.remove();
  let here = messages.firstElementChild;
  for (const child of [...wanted.children]) {
    if (here && here.id === child.id) {
      const next = here.nextElementSibling;
      if (here.dataset.rev !== child.dataset.rev) {
        child.classList.add("changed");
        swap(here, document.adoptNode(child));
      }
      here = next;
    } else {
      child.classList.add("fresh");
      messages.insertBefore(document.adoptNode(child), here);
    }
  }
  if (atEnd && view !== "home") messages.scrollTop = messages.scrollHeight;
}

function drawModal(html) {
  const fresh = new DOMParser().parseFromString(html, "text/html").body.firstElementChild;
  const old = modal.firstElementChild;
  if (!fresh) {
    modal.replaceChildren();
    if (modal.open) modal.close();
    return;
  }
  if (old?.dataset.rev === fresh.dataset.rev && old?.dataset.view === fresh.dataset.view) return;
  const typed = old?.dataset.view === fresh.dataset.view ? values(old) : {};
  modal.replaceChildren(document.adoptNode(fresh));
  restore(fresh, typed);
  if (!modal.open) modal.showModal();
  one(".wrong input, .wrong textarea, .wrong select, input, textarea, select", fresh)?.focus();
}

function drawSide(html) {
  const side = one("#side");
  const fresh = new DOMParser().parseFromString(html, "text/html").body;
  for (const link of fresh.querySelectorAll("[data-count]")) {
    const count = Number(link.dataset.count);
    const { room } = link.dataset;
    if (!seen.has(room) || link.hasAttribute("aria-current")) seen.set(room, count);
    link.classList.toggle("unread", count > seen.get(room));
  }
  side.replaceChildren(...fresh.childNodes);
}

function drawIfChanged(node, html) {
  if (node.dataset.html !== html) {
    node.dataset.html = html;
    node.innerHTML = html;
  }
}

async function redraw() {
  const asked = new URLSearchParams({ user, channel, view });
  const fresh = await (await fetch(`${root}ui/view?${asked}`)).json();
  version = fresh.version;
  one(".top p").textContent = fresh.topic;
  reconcile(fresh.main);
  drawModal(fresh.modal);
  drawSide(fresh.side);
  drawIfChanged(one("#levers"), fresh.levers);
}

async function follow() {
  for (;;) {
    try {
      const told = await (await fetch(`${root}ui/changes?since=${version}`)).json();
      if (told.version !== version) await redraw();
    } catch {
      one(".top p").textContent = "The practice workspace has stopped.";
      await new Promise((later) => setTimeout(later, 1500));
    }
  }
}

// What elements say

function value(node) {
  if (node.tagName === "FIELDSET") {
    const picked = [...node.querySelectorAll("input:checked")].map((input) => input.value);
    return one("input", node)?.type === "radio" ? (picked[0] ?? null) : picked;
  }
  if (node.multiple) return [...node.selectedOptions].map((option) => option.value);
  return node.value;
}

function values(form) {
  const all = {};
  for (const node of form.querySelectorAll("select[data-action], input[data-action], textarea[data-action], fieldset[data-action]")) {
    (all[node.dataset.block] ??= {})[node.dataset.action] = value(node);
  }
  return all;
}

function restore(form, typed) {
  for (const [block, actions] of Object.entries(typed)) {
    for (const [action, kept] of Object.entries(actions)) {
      const node = one(`[data-block="${CSS.escape(block)}"][data-action="${CSS.escape(action)}"]`, form);
      if (!node || kept === null) continue;
      if (node.tagName === "FIELDSET") {
        for (const input of node.querySelectorAll("input")) input.checked = [kept].flat().includes(input.value);
      } else if (node.multiple) {
        for (const option of node.options) option.selected = kept.includes(option.value);
      } else node.value = kept;
    }
  }
}

// What people do

function agreed(node) {
  const { confirmTitle, confirmText, confirmYes, confirmNo, confirmStyle } = node.dataset;
  if (!confirmTitle) return Promise.resolve(true);
  const dialog = one("#confirm");
  one("h2", dialog).textContent = confirmTitle;
  one("p", dialog).textContent = confirmText;
  const [no, yes] = dialog.querySelectorAll("button");
  no.textContent = confirmNo;
  yes.textContent = confirmYes;
  yes.className = `button ${confirmStyle}`;
  dialog.returnValue = "no";
  dialog.showModal();
  return new Promise((tell) => dialog.addEventListener("close", () => tell(dialog.returnValue === "yes"), { once: true }));
}

async function act(node, picked) {
  if (!(await agreed(node))) return;
  if (node.dataset.confirmTitle && node.href) window.open(node.href, "_blank", "noopener");
  const article = node.closest("article");
  const form = node.closest(".view");
  const done = { action_id: node.dataset.action, block_id: node.dataset.block, value: picked };
  if (article) Object.assign(done, { ts: article.dataset.ts, channel: article.dataset.channel });
  else if (form) Object.assign(done, { view_id: form.dataset.view, values: values(form) });
  node.classList.add("busy");
  node.closest("details.overflow")?.removeAttribute("open");
  const said = await post("click", done);
  node.classList.remove("busy");
  if (said.acked === false) toast("The bot did not answer that click.");
}

document.addEventListener("click", (event) => {
  const node = event.target.closest("a[data-action], button[data-action]");
  if (node) {
    if (node.dataset.confirmTitle) event.preventDefault();
    act(node, node.dataset.value);
    return;
  }
  for (const open of document.querySelectorAll("details.overflow[open]")) {
    if (!open.contains(event.target)) open.removeAttribute("open");
  }
  const lever = event.target.closest("[data-lever]");
  if (lever) pull(lever);
  const dismiss = event.target.closest("[data-dismiss]");
  if (dismiss) post("dismiss", { view_id: dismiss.closest(".view").dataset.view });
});

document.addEventListener("change", (event) => {
  const node = event.target.closest("select[data-action], input[data-action], fieldset[data-action]");
  if (node && !node.closest("dialog") && !node.closest(".input") && value(node)) act(node, value(node));
});

document.addEventListener("keydown", (event) => {
  const node = event.target.closest("[data-dispatch] input[data-action]");
  if (!node || event.key !== "Enter") return;
  event.preventDefault();
  act(node, node.value);
});

document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (form.matches("form.view")) {
    event.preventDefault();
    await post("submit", { view_id: form.dataset.view, values: values(form) });
  } else if (form.id === "composer") {
    event.preventDefault();
    const text = one("#words").value;
    one("#words").value = "";
    const said = text.trim() ? await post("say", { text }) : {};
    if (said.acked === false) toast(said.reason || "The bot did not answer.");
  }
});

modal.addEventListener("cancel", (event) => {
  event.preventDefault();
  one("[data-dismiss]", modal)?.click();
});

async function pull(lever) {
  lever.disabled = true;
  const { said } = await post("levers", { key: lever.dataset.lever });
  lever.disabled = false;
  if (!said) return;
  const line = document.createElement("li");
  const at = document.createElement("time");
  at.textContent = new Date().toLocaleTimeString();
  line.append(at, said);
  one("#log").prepend(line);
}

one("#user").addEventListener("change", (event) => {
  const asked = view === "home" ? { view } : { channel };
  location.search = new URLSearchParams({ ...asked, user: event.target.value });
});
one("#toggle-levers").addEventListener("click", (event) => {
  const open = one("#panel").classList.toggle("open");
  event.currentTarget.setAttribute("aria-expanded", String(open));
  event.currentTarget.textContent = open ? "Close" : "Break something";
});

if (location.hash) one(location.hash.replaceAll(".", "\\."))?.scrollIntoView();
else if (view !== "home") messages.scrollTop = messages.scrollHeight;
await redraw();
follow();
