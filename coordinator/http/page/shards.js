// The grid of shards: a cell each, and what is known of the one that is pointed at.

import { byId, dress, grow, say } from "./elements.js";
import { DETAIL, GUILDS, HEARTBEAT, ID, IS_SILENT, RATE, SILENT, STATE, WORKER, flaw, states } from "./picture.js";
import { count, explained, kind, plain, rate, some, span } from "./words.js";

const NUMBERED = 144; // up to so many cells have room for the shard's number
const LARGE = 512;

const grid = byId("shards");
const chosen = byId("chosen");
let shards = [];
let hosts = new Map(); // worker -> the host that it runs on
let at = -1; // the shard that is pointed at
let looks = []; // class and label of each cell, so that the document need not be asked

/** Say what is known of a shard, in one sentence. */
export function sentence(shard) {
  const host = hosts.get(shard[WORKER]);
  const where = `on worker ${shard[WORKER]}${host ? ` of ${host}` : ""}`;
  const words = [`Shard ${shard[ID]}: ${explained(shard[STATE])}, ${where}`];
  if (shard[HEARTBEAT] !== null) words.push(`heartbeat ${count(shard[HEARTBEAT])} ms`);
  words.push(`${rate(shard[RATE])} events/s`);
  if (shard[SILENT] !== null) words.push(`last event ${span(shard[SILENT])} ago`);
  if (shard[GUILDS]) words.push(some(shard[GUILDS], "guild"));
  if (shard[IS_SILENT]) words.push("silent for longer than chance explains");
  if (shard[DETAIL]) words.push(shard[DETAIL]);
  return `${words.join(", ")}.`;
}

function cell() {
  const element = document.createElement("div");
  element.setAttribute("role", "option");
  element.setAttribute("aria-selected", "false");
  element.tabIndex = -1;
  return element;
}

function choose(index) {
  if (index < 0 || index >= shards.length) return;
  const before = grid.children[at];
  if (before && at !== index) {
    before.tabIndex = -1;
    before.setAttribute("aria-selected", "false");
    before.ariaLabel = label(shards[at]);
  }
  at = index;
  const now = grid.children[at];
  now.tabIndex = 0;
  now.setAttribute("aria-selected", "true");
  now.ariaLabel = sentence(shards[at]);
  say(chosen, sentence(shards[at]));
}

const indexOf = (target) => {
  const found = target.closest(".cell");
  return found ? [...grid.children].indexOf(found) : -1;
};
grid.addEventListener("pointerover", (event) => choose(indexOf(event.target)));
grid.addEventListener("focusin", (event) => choose(indexOf(event.target)));
grid.addEventListener("keydown", (event) => {
  const columns = getComputedStyle(grid).gridTemplateColumns.split(" ").length;
  const last = shards.length - 1;
  const to = {
    ArrowRight: at + 1, ArrowLeft: at - 1, ArrowDown: at + columns, ArrowUp: at - columns,
    PageDown: at + 10 * columns, PageUp: at - 10 * columns, Home: 0, End: last,
  }[event.key];
  if (to === undefined || event.ctrlKey || event.altKey || event.metaKey) return;
  event.preventDefault();
  grid.children[Math.min(last, Math.max(0, to))]?.focus();
});

const label = (shard) => `${shard[ID]} ${plain(shard[STATE])}${flaw(shard) && `, ${flaw(shard)}`}`;

/** Draw the shards of a picture. */
export function draw(picture) {
  const numbered = picture.shards.length <= NUMBERED;
  dress(grid, `grid ${numbered ? "numbered" : picture.shards.length > LARGE ? "small" : ""}`);
  if (picture.shards.length !== grid.children.length) {
    grow(grid, picture.shards.length, cell);
    looks = [];
  }
  shards = picture.shards;
  hosts = new Map(picture.workers.map((worker) => [worker.slot, worker.host]));
  const cells = grid.children;
  shards.forEach((shard, index) => {
    const look = `cell ${kind(shard[STATE])}${flaw(shard) && ` flawed ${flaw(shard)}`}`;
    const words = label(shard);
    const before = looks[index];
    if (before && before.look === look && before.words === words) return;
    looks[index] = { look, words };
    cells[index].className = look;
    cells[index].ariaLabel = words;
    say(cells[index], numbered ? String(shard[ID]) : "");
  });
  if (at >= shards.length) at = -1;
  if (at < 0 && shards.length) cells[0].tabIndex = 0;
  if (at >= 0) {
    say(chosen, sentence(shards[at]));
    const words = sentence(shards[at]);
    if (cells[at] === document.activeElement && cells[at].ariaLabel !== words) cells[at].ariaLabel = words;
  }
  legend();
}

/** Name the states that there are, with how many shards are in each. */
function legend() {
  const many = states(shards);
  const items = many.map(([state, number]) => [kind(state), `${count(number)} ${plain(state)}`]);
  for (const words of ["silent", "slow heartbeat"]) {
    const found = shards.filter((shard) => flaw(shard) === words).length;
    if (found) items.push([`good flawed ${words}`, `${count(found)} ${words}`]);
  }
  const place = byId("legend");
  grow(place, items.length, () => {
    const item = document.createElement("li");
    item.append(document.createElement("span"), document.createElement("b"));
    return item;
  });
  items.forEach(([name, words], index) => {
    dress(place.children[index].firstElementChild, `cell ${name}`);
    say(place.children[index].lastElementChild, words);
  });
}
