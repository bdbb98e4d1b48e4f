// What every page does: times that tell how long ago, news that refresh parts, keys, the stream's
// standing, and an end of the session that nobody overlooks.

import { Stream } from "./stream.js";

const words = JSON.parse(document.body.dataset.words);
export const stream = new Stream();
// A part is fetched anew at most this often, however much happens: sooner where something is wrong,
// or wrong no more.
const REST_MS = 2_000;
const SHORT_REST_MS = 250;
const URGENT = ["opened", "reopened", "escalated", "ended"];
const opened = Date.now();

const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name]);
const clock = (ms) => new Date(ms).toLocaleTimeString(document.documentElement.lang, { hour: "2-digit", minute: "2-digit", second: "2-digit", timeZone: "Africa/Douala" });

function ago(ms) {
  const minutes = Math.floor((Date.now() - ms) / 60_000);
  if (minutes < 1) return words.now;
  if (minutes < 60) return fill(words.minutes, { m: minutes });
  if (minutes < 2880) return fill(words.hours, { h: Math.floor(minutes / 60) });
  return fill(words.days, { d: Math.floor(minutes / 1440) });
}

function showTimes() {
  for (const time of document.querySelectorAll("time[datetime]")) {
    const ms = Date.parse(time.dateTime);
    if (ms > Date.now() + 60_000) continue;
    time.dataset.ago = ago(ms);
  }
}

function showStanding() {
  const live = document.getElementById("live");
  const waiting = !stream.heardMs && Date.now() - opened < 5_000;
  const stale = stream.stale && !waiting;
  document.body.classList.toggle("stale", stale && !stream.ended);
  if (!live || waiting) return;
  live.classList.toggle("off", stale);
  const at = clock(stream.heardMs || opened);
  const text = stale ? fill(words.stale, { at }) : words.live;
  if (live.textContent !== text) live.textContent = text;
}

function showEnd() {
  const notice = document.getElementById("notice");
  const link = document.createElement("a");
  link.href = words.sign_in_at || `/sign-in?next=${encodeURIComponent(location.pathname + location.search)}`;
  link.textContent = words.sign_in;
  notice.replaceChildren(`${words.ended} `, link);
  notice.hidden = false;
  document.body.classList.add("ended");
}

const due = new Map();
const last = new WeakMap();

// Tells parts of the page that something of their kind is new; htmx fetches them.
export function news(kind, restMs = REST_MS) {
  for (const part of document.querySelectorAll("[data-news]")) {
    if (kind !== "resync" && !part.dataset.news.split(" ").includes(kind)) continue;
    tellAt(part.id, Math.max(Date.now(), (last.get(part) ?? 0) + restMs));
  }
}

function tellAt(key, atMs) {
  const planned = due.get(key);
  if (planned?.atMs <= atMs) return;
  clearTimeout(planned?.timer);
  const timer = setTimeout(() => {
    due.delete(key);
    const part = document.getElementById(key);
    if (!part) return;
    last.set(part, Date.now());
    part.dispatchEvent(new Event("news"));
  }, Math.min(atMs - Date.now(), REST_MS));
  due.set(key, { atMs, timer });
}

for (const kind of ["health", "incident", "consultation", "operation"]) {
  stream.addEventListener(kind, ({ detail }) => news(kind, URGENT.includes(detail.change) ? SHORT_REST_MS : REST_MS));
}
// What the page shows is of a position in the stream. Whoever begins to read elsewhere has missed
// something: after sleep, or when the tab that read the stream for all is closed.
let shown = Number(document.body.dataset.position);
stream.addEventListener("resync", ({ detail }) => {
  if (detail.sequence === shown) return;
  shown = detail.sequence;
  news("resync");
  stream.dispatchEvent(new Event("again"));
});
stream.addEventListener("signed-out", showEnd);
stream.addEventListener("standing", showStanding);
document.addEventListener("htmx:response:error", (event) => {
  if (event.detail.ctx.response?.raw?.status === 401) showEnd();
});
document.addEventListener("htmx:after:swap", showTimes);
setInterval(showTimes, 30_000);
showTimes();

// A sound when an incident opens, where somebody wants it; a browser lets a page be heard only after
// somebody has pressed something on it.
const SOUND = "sanaga-sound";
const button = document.getElementById("sound");
let audio = null;
function beep() {
  if (localStorage.getItem(SOUND) !== "on" || !audio) return;
  const tone = audio.createOscillator();
  const volume = audio.createGain();
  volume.gain.setValueAtTime(0.2, audio.currentTime);
  volume.gain.exponentialRampToValueAtTime(0.001, audio.currentTime + 0.6);
  tone.frequency.value = 660;
  tone.connect(volume).connect(audio.destination);
  tone.start();
  tone.stop(audio.currentTime + 0.6);
}
function showSound() {
  button?.setAttribute("aria-pressed", String(localStorage.getItem(SOUND) === "on"));
}
button?.addEventListener("click", () => {
  localStorage.setItem(SOUND, localStorage.getItem(SOUND) === "on" ? "off" : "on");
  showSound();
  beep();
});
document.addEventListener("pointerdown", () => { audio ??= new AudioContext(); }, { capture: true });
document.addEventListener("keydown", () => { audio ??= new AudioContext(); }, { capture: true });
stream.addEventListener("incident", ({ detail }) => {
  if (["opened", "reopened"].includes(detail.change)) beep();
});
showSound();

// Keys: g and a letter goes to a section, / to the search, j and k through a list.
const PLACES = {
  o: "/", i: "/incidents", s: "/sites", t: "/topology", c: "/consultations", w: "/wall", p: "/changes", v: "/vpn",
  h: "/handover", a: "/administration", m: "/account",
};
let leading = 0;
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName)) return;
  if (event.key === "/") {
    const search = document.querySelector("input[type=search]");
    if (search) {
      event.preventDefault();
      search.focus();
    }
  } else if (event.key === "g") {
    leading = Date.now();
  } else if (PLACES[event.key] && Date.now() - leading < 1_500) {
    location.assign(PLACES[event.key]);
  } else if (event.key === "j" || event.key === "k") {
    step(event.key === "j" ? 1 : -1);
  }
});

function step(by) {
  const links = [...document.querySelectorAll(".card > a, table.rows tbody a")];
  const at = links.indexOf(document.activeElement);
  links[Math.min(Math.max(at + by, 0), links.length - 1)]?.focus();
}
