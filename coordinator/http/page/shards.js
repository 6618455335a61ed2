// The grid of shards: a cell each, and what is known of the one that is pointed at.

import { byId, fill, say } from "./elements.js";
import { count, kind, plain, rate, span } from "./words.js";

const [ID, WORKER, STATE, LATENCY, RATE, SILENT, GUILDS, IS_SILENT, DETAIL] = Array(9).keys();
const SLOW_MS = 1000;

const grid = byId("shards");
const chosen = byId("chosen");
const table = byId("shard-table");
let shards = [];
let at = -1;

/** Say what is known of a shard, in one sentence. */
function sentence(shard) {
  const words = [`Shard ${shard[ID]} on worker ${shard[WORKER]}: ${plain(shard[STATE])}`];
  if (shard[LATENCY] !== null) words.push(`heartbeats take ${count(shard[LATENCY])} ms`);
  words.push(`${rate(shard[RATE])} events/s`);
  if (shard[SILENT] !== null) words.push(`last event ${span(shard[SILENT])} ago`);
  if (shard[GUILDS]) words.push(`${count(shard[GUILDS])} guilds`);
  if (shard[DETAIL]) words.push(shard[DETAIL]);
  return words.join(", ");
}

/** The class of a cell: its kind, and whether something about it is odd. */
function look(shard) {
  const odd = shard[IS_SILENT] || (shard[LATENCY] ?? 0) > SLOW_MS;
  return `cell ${kind(shard[STATE])}${odd ? " odd" : ""}`;
}

function choose(index, focus) {
  if (index < 0 || index >= shards.length) return;
  const before = grid.children[at];
  if (before) { before.tabIndex = -1; before.setAttribute("aria-selected", "false"); }
  at = index;
  const cell = grid.children[at];
  cell.tabIndex = 0;
  cell.setAttribute("aria-selected", "true");
  if (focus) cell.focus();
  say(chosen, sentence(shards[at]));
}

const indexOf = (target) => (target.closest(".cell") ? [...grid.children].indexOf(target.closest(".cell")) : -1);
grid.addEventListener("pointerover", (event) => choose(indexOf(event.target), false));
grid.addEventListener("focusin", (event) => choose(indexOf(event.target), false));
grid.addEventListener("keydown", (event) => {
  const columns = getComputedStyle(grid).gridTemplateColumns.split(" ").length;
  const steps = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns };
  let to = at + (steps[event.key] ?? 0);
  if (event.key === "Home") to = 0;
  else if (event.key === "End") to = shards.length - 1;
  else if (!(event.key in steps)) return;
  event.preventDefault();
  choose(Math.min(shards.length - 1, Math.max(0, to)), true);
});

/** Draw the shards of a picture. */
export function draw(picture) {
  shards = picture.shards;
  grid.classList.toggle("small", shards.length > 512);
  while (grid.children.length > shards.length) grid.lastElementChild.remove();
  if (grid.children.length < shards.length) {
    const added = document.createDocumentFragment();
    for (let more = shards.length - grid.children.length; more > 0; more -= 1) {
      const cell = document.createElement("div");
      cell.setAttribute("role", "option");
      cell.setAttribute("aria-selected", "false");
      cell.tabIndex = -1;
      added.append(cell);
    }
    grid.append(added);
  }
  shards.forEach((shard, index) => {
    const cell = grid.children[index];
    const name = look(shard);
    if (cell.className !== name) cell.className = name;
    const label = `${shard[ID]} ${plain(shard[STATE])}`;
    if (cell.ariaLabel !== label) cell.ariaLabel = label;
  });
  if (at < 0 && shards.length) grid.children[0].tabIndex = 0;
  if (at >= 0 && shards[at]) say(chosen, sentence(shards[at]));
  legend();
  if (table.open) rows();
}

/** Name the states that there are, with how many shards are in each. */
function legend() {
  const states = new Map();
  for (const shard of shards) states.set(shard[STATE], (states.get(shard[STATE]) ?? 0) + 1);
  const items = [...states].sort((a, b) => b[1] - a[1]);
  const place = byId("legend");
  while (place.children.length > items.length) place.lastElementChild.remove();
  items.forEach(([state, many], index) => {
    const item = place.children[index] ?? place.appendChild(document.createElement("li"));
    if (item.className !== kind(state)) item.className = kind(state);
    say(item, `${count(many)} ${plain(state)}`);
  });
}

function rows() {
  fill(byId("shard-rows"), shards.map((shard) => [
    String(shard[ID]), String(shard[WORKER]), plain(shard[STATE]),
    [shard[LATENCY] === null ? "–" : `${count(shard[LATENCY])} ms`, "number"],
    [rate(shard[RATE]), "number"],
    [shard[SILENT] === null ? "–" : `${span(shard[SILENT])} ago`, "number"],
    [count(shard[GUILDS]), "number"], shard[DETAIL],
  ]));
}
table.addEventListener("toggle", () => { if (table.open) rows(); });
