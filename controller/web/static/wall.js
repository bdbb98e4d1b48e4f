// What a screen on a wall does by itself: it goes from the whole map to regions where something is
// wrong, stays at a new incident, moves its picture by some pixels, and is darker at night.

import { stream } from "./page.js";
import { fit, map, recolour, rows } from "./overview.js";

const words = JSON.parse(document.getElementById("wall-words").textContent);
const WORST = ["down", "unreachable", "degraded", "unknown"];
const GLYPHS = { down: "✕", unreachable: "⊘", degraded: "▲", unknown: "?" };
const STEP_MS = 20_000;
// So long a wall stays at a new incident.
const HOLD_MS = 300_000;
const SHIFT_MS = 60_000;
const ANEW_MS = 6 * 3_600_000;
const NIGHT = { from: 20, until: 6 };
// Pixels to the side and down, one after the other.
const SHIFTS = [[0, 0], [3, 1], [5, 4], [2, 6], [-2, 5], [-4, 2], [-3, -2], [1, -3]];

const label = document.getElementById("region");
const clock = document.getElementById("clock");
const hour = new Intl.DateTimeFormat("en", { hour: "numeric", hourCycle: "h23", timeZone: "Africa/Douala" });
const time = new Intl.DateTimeFormat(document.documentElement.lang, { hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZone: "Africa/Douala" });

function regions() {
  const found = new Map();
  for (const [name, row] of rows) {
    const { health } = row.dataset;
    const region = row.cells[2].textContent;
    if (!region) continue;
    const one = found.get(region) ?? { region, names: [], counts: new Map() };
    one.names.push(name);
    one.counts.set(health, (one.counts.get(health) ?? 0) + 1);
    found.set(region, one);
  }
  const worst = (one) => WORST.findIndex((health) => one.counts.get(health));
  return [...found.values()].filter((one) => worst(one) >= 0).sort((a, b) => worst(a) - worst(b));
}

// The whole map is stop 0; the others are regions where something is wrong, the worst first.
let stop = 0;
function show(number) {
  const stops = regions();
  stop = stops.length > 1 && number <= stops.length ? number : 0;
  const one = stops[stop - 1];
  document.body.dataset.stop = one ? one.region : "";
  if (!one) {
    label.textContent = words.all;
    fit();
    return;
  }
  const told = WORST.filter((health) => one.counts.get(health)).map((health) => `${GLYPHS[health]} ${one.counts.get(health)} ${words.states[health]}`);
  label.textContent = `${one.region}: ${told.join(", ")}`;
  const spots = one.names.map((name) => rows.get(name).dataset.place.split(",").map(Number));
  map.fitBounds(L.latLngBounds(spots).pad(0.15), { animate: false, maxZoom: 10 });
}

// New incidents are marked for as long as the wall stays at them.
const fresh = new Map();
stream.addEventListener("incident", ({ detail }) => {
  if (!["opened", "reopened", "escalated"].includes(detail.change)) return;
  fresh.set(`incident-${detail.number}`, Date.now());
  show(0);
  dress();
});

function dress() {
  for (const [id, at] of fresh) if (Date.now() - at > HOLD_MS) fresh.delete(id);
  document.body.classList.toggle("held", fresh.size > 0);
  for (const card of document.querySelectorAll(".cards .card")) card.classList.toggle("fresh", fresh.has(card.id));
  fill();
}

// Cards that have no room are counted instead.
function fill() {
  const list = document.querySelector(".cards");
  document.getElementById("beyond")?.remove();
  if (!list) return;
  const cards = [...list.children];
  for (const card of cards) card.hidden = false;
  cards.sort((a, b) => b.classList.contains("fresh") - a.classList.contains("fresh"));
  list.replaceChildren(...cards);
  if (list.scrollHeight <= list.clientHeight) return;
  const told = document.createElement("p");
  told.id = "beyond";
  told.textContent = words.more;
  list.after(told);
  const end = list.getBoundingClientRect().bottom;
  for (const card of cards.slice(1)) card.hidden = card.getBoundingClientRect().bottom > end;
  told.textContent = words.more.replace("{n}", cards.filter((card) => card.hidden).length);
}

function showHour() {
  clock.textContent = time.format(Date.now());
  const now = Number(hour.format(Date.now()));
  const night = now >= NIGHT.from || now < NIGHT.until;
  if (night === document.body.classList.contains("night")) return;
  document.body.classList.toggle("night", night);
  recolour();
}

let shifted = 0;
function shift() {
  shifted = (shifted + 1) % SHIFTS.length;
  const [right, down] = SHIFTS[shifted];
  document.body.style.translate = `${right}px ${down}px`;
}

// A wall nobody touches takes a newer version of the pages by itself, if they are there.
async function loadAnew() {
  const answer = await fetch("/wall?part=headline").catch(() => null);
  if (answer?.ok) location.reload();
}

setInterval(() => {
  dress();
  if (!fresh.size) show(stop + 1);
}, STEP_MS);
setInterval(() => { shift(); showHour(); }, SHIFT_MS);
setInterval(loadAnew, ANEW_MS);
document.addEventListener("htmx:after:swap", dress);
new ResizeObserver(dress).observe(document.body);
showHour();
show(0);
dress();
