// What edges measured over circuits: a line for what is usual, a band from least to most, and a gap
// of its own colour where nobody measured.

import { stream } from "./page.js";

const box = document.getElementById("charts");
const paths = JSON.parse(box.dataset.paths);
const labels = JSON.parse(box.dataset.labels);
const period = document.getElementById("period");
const figure = document.getElementById("figure");
const REFRESH_MS = 60_000;
const charts = new Map();

const share = (value) => (value === null || value === undefined ? null : 100 * value);
const READ = {
  delay_ms: (one) => one.delay_ms ?? [null, null, null],
  mos: (one) => one.mos ?? [null, null, null],
  loss: (one) => {
    const both = [share(one.loss_out), share(one.loss_in)].filter((value) => value !== null);
    return both.length ? [Math.min(...both), Math.max(...both), Math.max(...both)] : [null, null, null];
  },
  throughput_mbps: (one) => {
    const rate = (octets) => (one.seconds ? (octets * 8) / one.seconds / 1e6 : null);
    const both = [rate(one.sent_octets), rate(one.received_octets)];
    return both[0] === null ? [null, null, null] : [Math.min(...both), Math.max(...both), Math.max(...both)];
  },
};

function columns(series, read) {
  const times = series.points.map((_, place) => series.began_unix_s + place * series.step_s);
  const values = series.points.map((one) => (one ? read(one) : [null, null, null]));
  return [times, ...[1, 0, 2].map((place) => values.map((one) => one[place]))];
}

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

function gaps(plot) {
  const { ctx, bbox } = plot;
  const [times, usual] = plot.data;
  ctx.save();
  ctx.fillStyle = colour("unknown");
  ctx.globalAlpha = 0.16;
  const half = times.length > 1 ? (times[1] - times[0]) / 2 : 0;
  for (let place = 0; place < times.length; place += 1) {
    if (usual[place] !== null) continue;
    const from = Math.max(plot.valToPos(times[place] - half, "x", true), bbox.left);
    const to = Math.min(plot.valToPos(times[place] + half, "x", true), bbox.left + bbox.width);
    if (to > from) ctx.fillRect(from, bbox.top, to - from, bbox.height);
  }
  ctx.restore();
}

function options(title, width) {
  const axis = { stroke: colour("faint"), grid: { stroke: colour("border"), width: 1 }, ticks: { stroke: colour("border") } };
  const line = colour("pico-primary");
  const edge = { stroke: "transparent", points: { show: false } };
  return {
    title, width, height: 220, cursor: { sync: { key: "site" } }, hooks: { drawClear: [gaps] },
    scales: { y: { range: (_, low, high) => [Math.min(0, low ?? 0), high > 0 ? high * 1.08 : 1] } },
    axes: [axis, { ...axis, size: 56 }],
    series: [
      { value: (_, at) => (at === null ? "" : new Date(at * 1000).toLocaleString(document.documentElement.lang, { timeZone: "Africa/Douala" })) },
      { label: labels.usual, stroke: line, width: 2, points: { show: false } },
      { label: labels.least, ...edge }, { label: labels.most, ...edge },
    ],
    bands: [{ series: [3, 2], fill: `color-mix(in srgb, ${line} 22%, transparent)` }],
    tzDate: (at) => uPlot.tzDate(new Date(at * 1000), "Africa/Douala"),
  };
}

function put(key, title, data) {
  const known = charts.get(key);
  if (known) {
    known.plot.setData(data);
    return known.holder;
  }
  const holder = document.createElement("div");
  holder.className = "chart";
  box.append(holder);
  charts.set(key, { holder, plot: new uPlot(options(title, holder.clientWidth), data, holder) });
  return holder;
}

async function show() {
  const ended = new Date();
  const began = new Date(ended - Number(period.value) * 1000);
  const used = new Set();
  for (const { device, circuit, medium } of paths) {
    const query = new URLSearchParams({ device, began: began.toISOString(), ended: ended.toISOString() });
    const answer = await fetch(`/api/v1/circuits/${encodeURIComponent(circuit)}/history?${query}`);
    if (!answer.ok) continue;
    for (const series of (await answer.json()).series) {
      if (!series.points.some((one) => one)) continue;
      const key = `${device} ${circuit} ${series.peer}`;
      used.add(key);
      put(key, `${circuit} (${medium}): ${device} – ${series.peer || "?"}`, columns(series, READ[figure.value]));
    }
  }
  for (const [key, { holder, plot }] of charts) {
    if (used.has(key)) continue;
    plot.destroy();
    holder.remove();
    charts.delete(key);
  }
  box.querySelector(".empty")?.remove();
  if (used.size) return;
  const none = document.createElement("p");
  none.className = "empty";
  none.textContent = labels.none;
  box.append(none);
}

function resize() {
  for (const { holder, plot } of charts.values()) plot.setSize({ width: holder.clientWidth, height: 220 });
}
new ResizeObserver(resize).observe(box);
for (const chosen of [period, figure]) chosen.addEventListener("change", show);
stream.addEventListener("again", show);
setInterval(show, REFRESH_MS);
show();
