// Events a second of the last two minutes, all and by type. What is kept is bounded: so many seconds
// of as many types as Discord has.

import { SECONDS, ceiling, chart, top } from "./chart.js";
import { byId, say, show } from "./elements.js";
import { rate } from "./words.js";

const SHOWN = 8; // types with a chart of their own
const SMOOTH = 5; // seconds over which a type's rate is a mean: reports come once a second, not on it
const SORT_EVERY = 10; // seconds: charts that change places each second can't be read

let all = []; // samples [second of the coordinator's life, rate], the newest last
const types = new Map(); // type -> { counts: the last totals with their seconds, samples }
let order = [];
let age = 0;
let axis; // the labels of the whole and the half height
let total;
const small = new Map(); // type -> its item in the list

function keep(samples, second, value) {
  samples.push([second, value]);
  while (second - samples[0][0] > SECONDS) samples.shift();
}

/** Remember a picture's rates; also while the page is not seen. */
export function remember(picture) {
  const second = picture.uptime_s;
  if (all.length && second <= all.at(-1)[0]) {
    if (second === all.at(-1)[0]) return;
    all = []; // another coordinator
    types.clear();
  }
  keep(all, second, picture.events_per_s);
  const counts = picture.types;
  for (const [name, many] of Object.entries(counts)) {
    let type = types.get(name);
    if (!type) types.set(name, type = { counts: [], samples: [] });
    const before = type.counts[0];
    type.counts.push([second, many]);
    if (type.counts.length > SMOOTH + 1) type.counts.shift();
    if (before) keep(type.samples, second, Math.max(0, many - before[1]) / (second - before[0]));
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

const sum = (name) => types.get(name).samples.reduce((all, [, value]) => all + value, 0);

function sort() {
  order = [...types.keys()].filter((name) => types.get(name).samples.length > 1)
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
  const most = ceiling(top(all));
  total.draw(all, most);
  axis.forEach((words, at) => say(words, `${rate(most / (at + 1))}/s`));
  if (order.length < SHOWN || age >= SORT_EVERY || !order.every((name) => types.has(name))) { sort(); age = 0; }
  for (const name of order) {
    const { samples } = types.get(name);
    small.get(name).draw(samples, Math.max(1, top(samples)));
    say(small.get(name).now, `${rate(samples.at(-1)[1])}/s`);
  }
}
