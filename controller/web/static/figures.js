// Figures of paths as tables, for who does not see charts and for paper: least and most of each hour
// or day, and how much of it was measured. And the list of where traffic moved.

const HOUR_S = 3600;
const DAY_S = 86_400;
const MOST_MOVES = 30;

const element = (tag, text = "", name = "") => {
  const made = document.createElement(tag);
  made.textContent = text;
  if (name) made.className = name;
  return made;
};
const shown = (value) => (value === null ? "–" : value.toFixed(value < 10 ? 2 : 1));
const PARTS = { day: "2-digit", month: "2-digit", hour: "2-digit", minute: "2-digit" };
const there = new Intl.DateTimeFormat("en-GB", { timeZone: "Africa/Douala", ...PARTS });

// Returns an instant as the clocks of the country show it, like the times of the page.
export function clock(at_s, { date = true, time = true } = {}) {
  const part = Object.fromEntries(there.formatToParts(at_s * 1000).map(({ type, value }) => [type, value]));
  return [date && `${part.day}.${part.month}.`, time && `${part.hour}:${part.minute}`].filter(Boolean).join(" ");
}

function periods(series, kind, each_s) {
  const found = new Map();
  for (const [place, point] of series.points.entries()) {
    const at_s = series.began_unix_s + place * series.step_s;
    const key = Math.floor(at_s / each_s) * each_s;
    const row = found.get(key) ?? { values: [], points: 0, measured: 0 };
    found.set(key, row);
    row.points += 1;
    if (!point) continue;
    row.measured += 1;
    row.values.push(...kind.read(point).filter((value) => value !== null));
  }
  return found;
}

function cells(row) {
  const least = row.values.length ? Math.min(...row.values) : null;
  const most = row.values.length ? Math.max(...row.values) : null;
  return [shown(least), shown(most), `${Math.round((100 * row.measured) / row.points)} %`];
}

// Returns a table for each path.
export function figureTables(found, kind, labels, period_s) {
  const each_s = period_s > DAY_S ? DAY_S : period_s > HOUR_S ? HOUR_S : 300;
  return found.map(({ title, series }) => {
    const table = element("table", "", "figures");
    table.append(element("caption", `${title}, ${labels.figure}`));
    const head = table.createTHead().insertRow();
    for (const name of [labels.time, labels.least, labels.most, labels.measured]) {
      const heading = element("th", name, name === labels.time ? "" : "n");
      heading.scope = "col";
      head.append(heading);
    }
    const body = table.createTBody();
    for (const [at_s, row] of periods(series, kind, each_s)) {
      const line = body.insertRow();
      line.append(element("td", clock(at_s, { time: each_s !== DAY_S })));
      for (const text of cells(row)) line.append(element("td", text, "n"));
    }
    return table;
  });
}

// Returns a heading and a list of the newest moves, each once; nothing where there were none.
export function moveList(found, labels) {
  const every = new Map();
  for (const { moves } of found) for (const one of moves) every.set(`${one.at_unix_s} ${one.service} ${one.peer}`, one);
  const newest = [...every.values()].sort((a, b) => b.at_unix_s - a.at_unix_s).slice(0, MOST_MOVES);
  if (!newest.length) return [];
  const list = element("ol", "", "timeline moves");
  for (const one of newest) {
    const line = element("li");
    const time = element("time", clock(one.at_unix_s));
    time.dateTime = new Date(one.at_unix_s * 1000).toISOString();
    line.append(time, ` ${one.service} → ${one.circuit}: ${one.reason}`);
    list.append(line);
  }
  return [element("h3", `▾ ${labels.moves}`, "moves"), list];
}
