// Events a second of the last two minutes, all and by type. What is kept is bounded: so many seconds
// of as many types as Discord has.

import { SECONDS, ceiling, chart } from "./chart.js";
import { byId, say, show } from "./elements.js";
import { rate } from "./words.js";

const SHOWN = 8; // types with a chart of their own
const SMOOTH = 5; // seconds over which a type's rate is a mean: reports come once a second, not on it
const SORT_EVERY = 10; // seconds: charts that change places each second can't be read

const all = [];
const types = new Map(); // type -> { counts: the last totals with their times, values: rates }
let order = [];
let age = 0;
let axis; // the labels of the whole and the half height
let total;
const small = new Map(); // type -> its item in the list

function keep(values, value) {
  values.push(value);
  if (values.length > SECONDS + 1) values.shift();
}

/** Remember a picture's rates; also while the page is not seen. */
export function remember(picture) {
  keep(all, picture.events_per_s);
  const counts = picture.events_by_type ?? {};
  for (const [name, many] of Object.entries(counts)) {
    let type = types.get(name);
    if (!type) types.set(name, type = { counts: [], values: [] });
    const before = type.counts[0];
    type.counts.push([picture.uptime_s, many]);
    if (type.counts.length > SMOOTH + 1) type.counts.shift();
    if (!before) continue;
    const seconds = picture.uptime_s - before[0];
    // After a restart a counter begins anew, and so does what is kept of it.
    if (seconds <= 0 || many < before[1]) type.counts = [[picture.uptime_s, many]];
    else keep(type.values, (many - before[1]) / seconds);
  }
  for (const name of types.keys()) if (!(name in counts)) types.delete(name);
  age += 1;
}

function makeTotal() {
  total = chart({ width: 1000, height: 160, label: "Events a second" });
  axis = ["axis top", "axis half"].map((name) => {
    const words = document.createElement("span");
    words.className = name;
    return words;
  });
  const foot = document.createElement("p");
  foot.className = "foot";
  for (const text of ["2 min ago", "1 min", "now"]) foot.appendChild(document.createElement("span")).textContent = text;
  byId("chart").append(...axis, total.picture, foot);
}

function makeSmall(name) {
  const item = document.createElement("li");
  const one = chart({ width: 200, height: 36, label: name });
  const now = document.createElement("b");
  const words = document.createElement("span");
  words.textContent = name.toLowerCase().replaceAll("_", " ");
  item.append(words, now, one.picture);
  return { item, now, draw: one.draw };
}

const sum = (name) => types.get(name).values.reduce((a, b) => a + b, 0);

function sort() {
  order = [...types.keys()].filter((name) => types.get(name).values.length > 1)
    .map((name) => [sum(name), name]).filter(([many]) => many > 0)
    .sort((a, b) => b[0] - a[0]).slice(0, SHOWN).map(([, name]) => name);
  for (const name of small.keys()) if (!order.includes(name)) small.delete(name);
  for (const name of order) if (!small.has(name)) small.set(name, makeSmall(name));
  byId("types").replaceChildren(...order.map((name) => small.get(name).item));
  show(byId("types"), order.length > 0);
}

/** Draw what is remembered. */
export function draw() {
  if (!total) makeTotal();
  const most = ceiling(Math.max(...all));
  total.draw(all, most);
  axis.forEach((words, at) => say(words, `${rate(most / (at + 1))}/s`));
  if (order.length < SHOWN || age >= SORT_EVERY) { sort(); age = 0; }
  for (const name of order) {
    const { values } = types.get(name) ?? {};
    if (!values) continue;
    small.get(name).draw(values, Math.max(1, ...values));
    say(small.get(name).now, `${rate(values.at(-1))}/s`);
  }
}
