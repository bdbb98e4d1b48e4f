// The map of the overview: sites from the list beside it, circuits, consultations, and what changes.

import { stream } from "./page.js";

const RANK = ["down", "unreachable", "degraded", "unknown", "maintenance", "ok"];
const GLYPHS = { down: "✕", unreachable: "⊘", degraded: "▲", unknown: "?", maintenance: "■", ok: "" };
// On a screen with large letters everything on the map is larger, too.
const SCALE = Math.max(1, parseFloat(getComputedStyle(document.documentElement).fontSize) / 16);
// Below this zoom a region is one badge, and up to the next a department.
const REGIONS_BELOW = 7 + Math.log2(SCALE);
const DEPARTMENTS_BELOW = 9 + Math.log2(SCALE);
const PARALLEL_DEGREES = 0.035;

const box = document.getElementById("map");
const labels = JSON.parse(box.dataset.labels);
const rows = new Map();
for (const row of document.querySelectorAll("#sites tbody tr")) rows.set(row.dataset.site, row);
const place = (name) => rows.get(name)?.dataset.place.split(",").map(Number);

const map = L.map(box, {
  attributionControl: false, zoomSnap: 0.25, zoomControl: true, keyboard: false,
  minZoom: 4.5, maxZoom: 12, scrollWheelZoom: true,
});
for (const [name, order] of [["country", 200], ["lines", 300], ["calls", 350], ["dots", 400], ["signs", 430], ["badges", 450]]) {
  map.createPane(name).style.zIndex = order;
}
map.getPane("country").classList.add("country");
const lines = L.canvas({ pane: "lines", padding: 0.3 });
const dots = L.svg({ pane: "dots", padding: 0.3 });
const calls = L.svg({ pane: "calls", padding: 0.3 });

// Leaflet takes text for markup; what the intent says is text.
function plain(text) {
  const made = document.createElement("span");
  made.textContent = text;
  return made;
}

const style = getComputedStyle(document.documentElement);
const colour = (name) => style.getPropertyValue(`--${name}`).trim();

function fit() {
  const spots = [...rows.keys()].map(place);
  if (spots.length) map.fitBounds(L.latLngBounds(spots).pad(0.06), { animate: false });
  else map.setView([7.4, 12.3], 6);
}
fit();
new ResizeObserver(() => map.invalidateSize({ animate: false })).observe(box);

// A line comes as steps in hundredths of a degree: north, east, north …
function points(steps) {
  let [north, east] = [0, 0];
  const found = [];
  for (let at = 0; at < steps.length; at += 2) {
    north += steps[at];
    east += steps[at + 1];
    found.push([north / 100, east / 100]);
  }
  return found;
}
const version = new URL("./outline.json", import.meta.url);
fetch(version).then((answer) => answer.json()).then((outline) => {
  const renderer = L.svg({ pane: "country", padding: 0.5 });
  for (const steps of outline.country ?? []) L.polygon(points(steps), { renderer, className: "land", interactive: false }).addTo(map);
  for (const steps of outline.regions ?? []) L.polygon(points(steps), { renderer, className: "region", interactive: false }).addTo(map);
});

// Circuits between the same two sites lie beside each other, each shifted as a whole.
const drawn = new Map();
const between = new Map();
const told = JSON.parse(document.getElementById("map-lines").textContent);
function bent(from, to, number) {
  if (!number) return [from, to];
  const side = (number % 2 ? 1 : -1) * Math.ceil(number / 2) * PARALLEL_DEGREES;
  const [dy, dx] = [to[0] - from[0], to[1] - from[1]];
  const far = Math.hypot(dx, dy) || 1;
  const shift = [(side * dx) / far, (-side * dy) / far];
  const inner = (share) => [from[0] + dy * share + shift[0], from[1] + dx * share + shift[1]];
  return [from, inner(0.15), inner(0.85), to];
}
const DASHES = { microwave: "7 4", leo: "2 5", vsat: "2 5", lte: "1 4" };
function lineStyle(medium, health) {
  const bad = health !== "ok";
  return {
    color: colour(bad ? health : "wire"), weight: (bad ? 3 : 1.2) * SCALE, opacity: bad ? 1 : 0.75,
    dashArray: health === "down" ? "5 6" : DASHES[medium] ?? null,
  };
}
for (const [name, a, b, medium, health] of told.circuits) {
  if (!place(a) || !place(b)) continue;
  const pair = [a, b].sort().join(" ");
  const number = between.get(pair) ?? 0;
  between.set(pair, number + 1);
  const path = bent(place(a), place(b), number);
  const line = L.polyline(path, { renderer: lines, interactive: true, ...lineStyle(medium, health) }).addTo(map);
  line.bindTooltip(plain(name), { sticky: true });
  line.on("click", () => location.assign(`/circuits/${encodeURIComponent(name)}`));
  drawn.set(name, { line, medium, path, health, cross: null });
  mark(name, health);
}
function mark(name, health) {
  const one = drawn.get(name);
  one.health = health;
  one.line.setStyle(lineStyle(one.medium, health));
  one.cross?.remove();
  one.cross = null;
  if (health !== "ok") one.line.bringToFront();
  if (health !== "down") return;
  const [from, to] = [one.path[0], one.path.at(-1)];
  one.cross = sign([(from[0] + to[0]) / 2, (from[1] + to[1]) / 2], "✕", "cross down").addTo(map);
}
function sign(spot, text, classes) {
  const icon = L.divIcon({ className: `sign-on-map ${classes}`, html: text, iconSize: [18 * SCALE, 18 * SCALE] });
  return L.marker(spot, { icon, interactive: false, keyboard: false, pane: "signs" });
}

function showCalls(pairs) {
  for (const [name, a, b] of pairs) {
    const [from, to] = [place(a), place(b)];
    if (!from || !to) continue;
    L.polyline(arc(from, to), { renderer: calls, className: "call-on-map", interactive: true }).addTo(map)
      .bindTooltip(plain(`${labels.calls} ${name}`), { sticky: true })
      .on("click", () => location.assign(`/consultations/${encodeURIComponent(name)}`));
  }
}
function arc(from, to) {
  const [dy, dx] = [to[0] - from[0], to[1] - from[1]];
  return Array.from({ length: 25 }, (_, step) => {
    const share = step / 24;
    const lift = 0.14 * Math.sin(Math.PI * share);
    return [from[0] + dy * share + dx * lift, from[1] + dx * share - dy * lift];
  });
}
showCalls(told.calls);

// Sites: a dot when well, its state's sign when not.
const marks = new Map();
function showSite(name) {
  const { health, level } = rows.get(name).dataset;
  marks.get(name)?.remove();
  const radius = SCALE * ({ central: 7, regional: 5.5, departmental: 3.5 }[level] ?? 2.2);
  const made = health === "ok"
    ? L.circleMarker(place(name), { renderer: dots, radius, className: "dot" })
    : L.marker(place(name), {
      icon: siteSign(health, level),
      keyboard: false, pane: "signs", zIndexOffset: 1000 - 100 * RANK.indexOf(health),
    });
  made.bindTooltip(plain(rows.get(name).querySelector("a").textContent), { direction: "top" });
  made.on("click", () => location.assign(`/sites/${encodeURIComponent(name)}`));
  marks.set(name, made);
  if (!hidden(name)) made.addTo(map);
}
// Far away, where signs would cover each other, small places have small ones; badges tell how many.
function siteSign(health, level) {
  const small = rows.size > 100 && map.getZoom() < REGIONS_BELOW && !["central", "regional"].includes(level);
  const [classes, html, side] = small ? ["small", "", 3 + 6 * SCALE] : ["", GLYPHS[health], 20 * SCALE];
  return L.divIcon({ className: `sign-on-map site ${classes} ${health}`, html, iconSize: [side, side] });
}
const hidden = (name) => {
  const { health, level } = rows.get(name).dataset;
  return health === "ok" && level === "arrondissement" && map.getZoom() < REGIONS_BELOW && rows.size > 100;
};

// Badges of regions, and nearer of departments, with the worst state and how many are in it.
const badges = L.layerGroup().addTo(map);
function department(name) {
  for (let at = name; at; at = rows.get(at)?.dataset.parent) {
    if (rows.get(at)?.dataset.level === "departmental") return at;
  }
  return "";
}
function showBadges() {
  badges.clearLayers();
  const zoom = map.getZoom();
  if (rows.size < 40 || zoom >= DEPARTMENTS_BELOW) return;
  const group = zoom < REGIONS_BELOW ? (name) => rows.get(name).cells[2].textContent : department;
  const groups = new Map();
  for (const name of rows.keys()) {
    const key = group(name);
    if (key) groups.set(key, [...(groups.get(key) ?? []), name]);
  }
  for (const [key, names] of groups) {
    const counts = new Map();
    for (const name of names) {
      const { health } = rows.get(name).dataset;
      counts.set(health, (counts.get(health) ?? 0) + 1);
    }
    const bad = RANK.filter((health) => health !== "ok" && counts.get(health));
    if (!bad.length) continue;
    const spots = names.map(place);
    const centre = [0, 1].map((axis) => spots.reduce((sum, spot) => sum + spot[axis], 0) / spots.length);
    const title = rows.get(key)?.querySelector("a").textContent ?? key;
    const icon = L.divIcon({ className: `badge-on-map ${bad[0]}`, html: badge(title, bad, counts, names.length), iconSize: null });
    badges.addLayer(L.marker(centre, { icon, keyboard: false, interactive: false, pane: "badges" }));
  }
}
function badge(title, bad, counts, total) {
  const made = document.createElement("span");
  const name = document.createElement("b");
  name.textContent = title;
  made.append(name, " ", bad.slice(0, 2).map((health) => `${GLYPHS[health]} ${counts.get(health)}`).join(" "), ` / ${total}`);
  return made;
}

function showAll() {
  for (const name of rows.keys()) showSite(name);
  showBadges();
}
showAll();
map.on("zoomend", showAll);

function take(kind, name, health) {
  if (kind === "circuit" && drawn.has(name) && drawn.get(name).health !== health) mark(name, health);
  const row = kind === "site" ? rows.get(name) : null;
  if (!row || row.dataset.health === health) return;
  row.dataset.health = health;
  const sample = document.querySelector(`.legend .state.${health}`);
  if (sample) row.querySelector(".state").replaceWith(sample.cloneNode(true));
  showSite(name);
  showBadges();
}
stream.addEventListener("health", ({ detail }) => take(detail.kind, detail.name, detail.after));

async function readAgain() {
  for (const kind of ["site", "circuit"]) {
    for (let cursor = ""; cursor !== null;) {
      const after = cursor ? `&cursor=${encodeURIComponent(cursor)}` : "";
      const answer = await fetch(`/api/v1/${kind}s?limit=500${after}`);
      if (!answer.ok) return;
      const page = await answer.json();
      for (const one of page.items) take(kind, one.name, one.health);
      cursor = page.next;
    }
  }
}
stream.addEventListener("again", readAgain);

const filter = document.getElementById("filter");
filter.addEventListener("input", () => {
  const wanted = filter.value.trim().toLocaleLowerCase();
  for (const row of rows.values()) row.hidden = !row.textContent.toLocaleLowerCase().includes(wanted);
});
function recolour() {
  for (const one of drawn.values()) one.line.setStyle(lineStyle(one.medium, one.health));
}
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", recolour);

export { fit, map, recolour, rows };
