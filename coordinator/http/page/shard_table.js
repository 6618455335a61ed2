// The shards as a table, a page of it at a time, for who sees no colours or wants the numbers.

import { byId, fill, say } from "./elements.js";
import { DETAIL, GUILDS, HEARTBEAT, ID, IS_SILENT, RATE, SILENT, STATE, WORKER, isReady } from "./picture.js";
import { count, kind, milliseconds, plain, rate, span } from "./words.js";

const ROWS = 64;
const table = byId("shard-table");
const filter = byId("shard-filter");
let all = [];
let page = 0;

function rows() {
  const shown = filter.value === "all" ? all : all.filter((shard) => !isReady(shard));
  page = Math.max(0, Math.min(page, Math.ceil(shown.length / ROWS) - 1));
  const from = page * ROWS;
  const part = shown.slice(from, from + ROWS);
  byId("earlier").disabled = page === 0;
  byId("later").disabled = from + ROWS >= shown.length;
  say(byId("shard-page"), shown.length ? `${count(from + 1)} to ${count(from + part.length)} of ${count(shown.length)}` : "none");
  fill(byId("shard-rows"), part.map((shard) => [
    [String(shard[ID]), "number"], [plain(shard[STATE]), `condition ${kind(shard[STATE])}`],
    [String(shard[WORKER]), "number"], [milliseconds(shard[HEARTBEAT]), "number"],
    [rate(shard[RATE]), "number"],
    [shard[SILENT] === null ? "–" : `${span(shard[SILENT])} ago`, shard[IS_SILENT] ? "number bad" : "number"],
    [count(shard[GUILDS]), "number"], [shard[DETAIL], "remark"],
  ]));
}

function turn(pages) {
  page += pages;
  rows();
}

byId("earlier").addEventListener("click", () => turn(-1));
byId("later").addEventListener("click", () => turn(1));
filter.addEventListener("change", () => turn(-page));
table.addEventListener("toggle", () => { if (table.open) rows(); });

/** Draw the shards of a picture, if the table is open. */
export function draw(picture) {
  all = picture.shards;
  if (table.open) rows();
}
