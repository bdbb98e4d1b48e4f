// What fails is chosen by clicking on the picture or by ticking boxes; the address says it, and the
// server says what would be.

import { stream } from "./page.js";

const form = document.getElementById("suppose");
const picture = document.getElementById("picture");
const alone = document.getElementById("alone");
const find = document.getElementById("find");
const SVG = "http://www.w3.org/2000/svg";
// Lines are thin: what is so near to a click is meant.
const NEAR = [[0, 0], [3, 0], [-3, 0], [0, 3], [0, -3], [5, 5], [-5, -5], [5, -5], [-5, 5]];

const effect = () => document.getElementById("effect");
const boxes = () => [...form.querySelectorAll("input[type=checkbox][name=failed]")];
let chosen = new Set(effect().dataset.failed.split(",").filter(Boolean));

function query(values) {
  const told = { failed: [...chosen].join(","), within: form.dataset.within, alone: alone.checked && "true", ...values };
  const pairs = Object.entries(told).filter(([, value]) => value);
  return pairs.map(([name, value]) => `${name}=${encodeURIComponent(value).replaceAll("%2C", ",").replaceAll("%3A", ":")}`).join("&");
}

function ask() {
  const question = query();
  history.replaceState(null, "", question ? `/topology?${question}` : "/topology");
  for (const link of document.querySelectorAll("a[data-keeps]")) {
    const within = new URL(link.href).searchParams.get("within") ?? "";
    link.href = `/topology?${query({ within })}`;
  }
  for (const kept of form.querySelectorAll("input[data-kept]")) if (!chosen.has(kept.value)) kept.remove();
  effect().setAttribute("hx-get", `/topology?part=effect&${question}`);
  effect().dispatchEvent(new Event("news"));
}

function choose(name, failing) {
  if (failing) chosen.add(name);
  else chosen.delete(name);
  for (const box of boxes()) if (box.value === name) box.checked = failing;
  ask();
}

function mark() {
  const signs = JSON.parse(effect().dataset.signs);
  for (const shape of picture.querySelectorAll("[data-fail]")) {
    const kept = [...shape.classList].filter((name) => !name.startsWith("is-"));
    const told = signs[shape.dataset.fail];
    shape.setAttribute("class", [...kept, ...(told ? [`is-${told[0]}`] : [])].join(" "));
  }
  const glyphs = JSON.parse(picture.dataset.glyphs);
  const group = picture.querySelector(".signs");
  group.replaceChildren(...Object.values(signs).filter((sign) => sign.length === 3).map(([told, x, y]) => {
    const text = document.createElementNS(SVG, "text");
    text.setAttribute("class", `is-${told}`);
    text.setAttribute("x", x);
    text.setAttribute("y", y);
    text.textContent = glyphs[told];
    return text;
  }));
}

function meant(event) {
  for (const [right, down] of NEAR) {
    const there = document.elementFromPoint(event.clientX + right, event.clientY + down)?.closest("[data-fail]");
    if (there && picture.contains(there)) return there.dataset.fail;
  }
  return null;
}

form.addEventListener("change", ({ target }) => {
  if (target.name === "failed") choose(target.value, target.checked);
  if (target === alone) ask();
});
form.addEventListener("submit", (event) => {
  event.preventDefault();
  ask();
});
picture.addEventListener("click", (event) => {
  const name = meant(event);
  if (name) choose(name, !chosen.has(name));
});
document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-mend]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  choose(link.dataset.mend, false);
});

// What was asked while an answer was under way is asked again.
document.addEventListener("htmx:after:swap", () => {
  mark();
  if (effect().dataset.asked !== [...chosen].join(",")) ask();
});
stream.addEventListener("again", ask);

find.addEventListener("input", () => {
  const wanted = find.value.trim().toLowerCase();
  for (const item of form.querySelectorAll(".tree li")) {
    const has = item.textContent.toLowerCase().includes(wanted);
    item.hidden = !has;
  }
  for (const fold of form.querySelectorAll(".tree details")) {
    fold.open = wanted !== "" && fold.querySelector("ul").textContent.toLowerCase().includes(wanted);
  }
});
find.addEventListener("keydown", (event) => {
  if (event.key === "Enter") event.preventDefault();
});
for (const box of boxes()) if (box.checked) box.closest("details")?.setAttribute("open", "");
document.body.classList.add("asks");
