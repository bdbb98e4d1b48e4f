// What edges measured over circuits: a line for what is usual in a band from least to most, or a line
// each way; a gap of its own colour where nobody measured, and marks where traffic moved.

import { clock, figureTables, moveList } from "./figures.js";
import { stream } from "./page.js";

const box = document.getElementById("charts");
const paths = JSON.parse(box.dataset.paths);
const labels = JSON.parse(box.dataset.labels);
const period = document.getElementById("period");
const figure = document.getElementById("figure");
const asTable = document.getElementById("as-table");
const REFRESH_MS = 60_000;
const HEIGHT = 220;
const DAY_S = 86_400;
// Marks of traffic that moved are one when they are so near.
const MERGED_PX = 4;
// A hub has paths to everywhere; more than these are for the pages of the other ends.
const MOST_PATHS = 12;
const charts = new Map();

const share = (value) => (value === null || value === undefined ? null : 100 * value);
const rate = (octets, one) => (one.seconds && octets !== undefined ? (octets * 8) / one.seconds / 1e6 : null);
const banded = (read) => ({ read: (one) => read(one) ?? [null, null, null], order: [1, 0, 2], names: [labels.usual, labels.least, labels.most] });
const paired = (read) => ({ read, order: [0, 1], names: [labels.out, labels.in] });
const FIGURES = {
  delay_ms: banded((one) => one.delay_ms),
  jitter_ms: banded((one) => one.jitter_ms),
  mos: banded((one) => one.mos),
  loss: paired((one) => [share(one.loss_out), share(one.loss_in)]),
  throughput_mbps: paired((one) => [rate(one.sent_octets, one), rate(one.received_octets, one)]),
};

function columns(series, kind) {
  const times = series.points.map((_, place) => series.began_unix_s + place * series.step_s);
  const values = series.points.map((one) => (one ? kind.read(one) : kind.order.map(() => null)));
  return [times, ...kind.order.map((place) => values.map((one) => one[place]))];
}

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

function gaps(plot) {
  const { ctx, bbox } = plot;
  const [times, ...values] = plot.data;
  ctx.save();
  ctx.fillStyle = colour("unknown");
  ctx.globalAlpha = 0.16;
  const half = times.length > 1 ? (times[1] - times[0]) / 2 : 0;
  for (let place = 0; place < times.length; place += 1) {
    if (values.some((one) => one[place] !== null)) continue;
    const from = Math.max(plot.valToPos(times[place] - half, "x", true), bbox.left);
    const to = Math.min(plot.valToPos(times[place] + half, "x", true), bbox.left + bbox.width);
    if (to > from) ctx.fillRect(from, bbox.top, to - from, bbox.height);
  }
  ctx.restore();
}

function marks(plot) {
  const { ctx, bbox } = plot;
  const pixel = devicePixelRatio;
  const places = new Map();
  for (const one of plot.moves) {
    const at = plot.valToPos(one.at_unix_s, "x", true);
    if (at < bbox.left || at > bbox.left + bbox.width) continue;
    const place = Math.round(at / (MERGED_PX * pixel));
    places.set(place, { at, many: (places.get(place)?.many ?? 0) + 1 });
  }
  ctx.save();
  ctx.strokeStyle = ctx.fillStyle = colour("call");
  ctx.font = `600 ${10 * pixel}px system-ui, sans-serif`;
  ctx.textAlign = "left";
  ctx.textBaseline = "top";
  ctx.lineWidth = pixel;
  ctx.setLineDash([3 * pixel, 3 * pixel]);
  for (const { at, many } of places.values()) {
    ctx.beginPath();
    ctx.moveTo(at, bbox.top);
    ctx.lineTo(at, bbox.top + bbox.height);
    ctx.stroke();
    ctx.beginPath();
    ctx.moveTo(at - 5 * pixel, bbox.top);
    ctx.lineTo(at + 5 * pixel, bbox.top);
    ctx.lineTo(at, bbox.top + 8 * pixel);
    ctx.fill();
    if (many > 1) ctx.fillText(`${many}×`, at + 7 * pixel, bbox.top + 2 * pixel);
  }
  ctx.restore();
}

function range(low, high) {
  if (figure.value === "mos") return [1, 5];
  return [Math.min(0, low ?? 0), high > 0 ? high * 1.08 : 1];
}

// Days where a day or more lies between two ticks, else times of day, with the date at midnight.
function ticks(splits) {
  const days = splits.length > 1 && splits[1] - splits[0] >= DAY_S;
  return splits.map((at) => {
    const time = clock(at, { date: false });
    return days || time === "00:00" ? clock(at, { time: false }) : time;
  });
}

function options(title, width, kind) {
  const axis = { stroke: colour("faint"), grid: { stroke: colour("border"), width: 1 }, ticks: { stroke: colour("border") } };
  const line = colour("pico-primary");
  const edge = { stroke: "transparent", points: { show: false } };
  const band = kind.names.length === 3;
  const told = { value: (_, value) => (value === null ? "–" : value.toFixed(value < 10 ? 2 : 1)) };
  return {
    title, width, height: HEIGHT, cursor: { sync: { key: "site" } }, hooks: { drawClear: [gaps], draw: [marks] },
    scales: { y: { range: (_, low, high) => range(low, high) } },
    axes: [{ ...axis, values: (_, splits) => ticks(splits) }, { ...axis, size: 56 }],
    series: [
      { label: labels.time, value: (_, at) => (at === null ? "" : clock(at)) },
      { label: kind.names[0], ...told, stroke: line, width: 2, points: { show: false } },
      ...(band ? [{ label: kind.names[1], ...told, ...edge }, { label: kind.names[2], ...told, ...edge }]
        : [{ label: kind.names[1], ...told, stroke: colour("degraded"), width: 2, dash: [6, 4], points: { show: false } }]),
    ],
    bands: band ? [{ series: [3, 2], fill: `color-mix(in srgb, ${line} 22%, transparent)` }] : [],
    tzDate: (at) => uPlot.tzDate(new Date(at * 1000), "Africa/Douala"),
  };
}

function put(key, title, data, kind, moves) {
  const known = charts.get(key);
  if (known) {
    known.plot.moves = moves;
    known.plot.setData(data);
    return;
  }
  const holder = document.createElement("div");
  holder.className = "chart";
  box.append(holder);
  const plot = new uPlot(options(title, holder.clientWidth, kind), data, (made, ready) => {
    made.moves = moves;
    holder.append(made.root);
    ready();
  });
  charts.set(key, { holder, plot });
}

async function measured() {
  const ended = new Date();
  const began = new Date(ended - Number(period.value) * 1000);
  const found = [];
  for (const { device, circuit, medium } of paths) {
    const query = new URLSearchParams({ device, began: began.toISOString(), ended: ended.toISOString() });
    const answer = await fetch(`/api/v1/circuits/${encodeURIComponent(circuit)}/history?${query}`);
    if (!answer.ok) continue;
    const { series, moves } = await answer.json();
    for (const one of series) {
      if (!one.points.some((point) => point)) continue;
      const title = `${circuit} (${labels.media[medium] ?? medium}): ${device} – ${one.peer || "?"}`;
      found.push({ key: `${device} ${circuit} ${one.peer}`, title, series: one, moves: moves.filter((move) => move.peer === one.peer) });
    }
  }
  return found;
}

async function show() {
  const every = await measured();
  const found = every.slice(0, MOST_PATHS);
  const kind = FIGURES[figure.value];
  const used = new Set();
  for (const { key, title, series, moves } of found) {
    const own = `${figure.value} ${key}`;
    used.add(own);
    put(own, title, columns(series, kind), kind, moves);
  }
  for (const [key, { holder, plot }] of charts) {
    if (used.has(key)) continue;
    plot.destroy();
    holder.remove();
    charts.delete(key);
  }
  for (const old of box.querySelectorAll(".empty, .figures, .moves")) old.remove();
  if (!used.size || every.length > found.length) {
    const note = document.createElement("p");
    note.className = "empty";
    note.textContent = used.size ? labels.more.replace("{n}", every.length - found.length) : labels.none;
    box.append(note);
  }
  const told = { ...labels, figure: figure.selectedOptions[0].text };
  box.append(...figureTables(found, kind, told, Number(period.value)));
  box.prepend(...moveList(found, labels));
}

function keepInAddress() {
  const address = new URL(location.href);
  address.searchParams.set("period", period.value);
  address.searchParams.set("figure", figure.value);
  history.replaceState(null, "", address);
}

function resize() {
  for (const { holder, plot } of charts.values()) if (holder.clientWidth) plot.setSize({ width: holder.clientWidth, height: HEIGHT });
}

const asked = new URL(location.href).searchParams;
for (const [choice, name] of [[period, "period"], [figure, "figure"]]) {
  if ([...choice.options].some((one) => one.value === asked.get(name))) choice.value = asked.get(name);
  choice.addEventListener("change", () => {
    keepInAddress();
    show();
  });
}
asTable.addEventListener("change", () => {
  box.classList.toggle("as-table", asTable.checked);
  resize();
});
new ResizeObserver(resize).observe(box);
stream.addEventListener("again", show);
setInterval(show, REFRESH_MS);
show();
