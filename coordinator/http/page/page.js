// Keeps one picture of the cluster, and lets each part draw its own of it.

import { ask, refuse } from "./ask.js";
import * as changes from "./changes.js";
import * as happenings from "./happenings.js";
import * as head from "./head.js";
import * as hosts from "./hosts.js";
import * as parts from "./parts.js";
import { changed } from "./picture.js";
import { sentence } from "./refusals.js";
import * as rates from "./rates.js";
import * as table from "./shard_table.js";
import * as shards from "./shards.js";
import { listen } from "./stream.js";

let picture = null;
let heard = null; // when the last picture came; null: none did
let away = false;

function draw() {
  if (picture === null || away || document.hidden) return;
  const began = performance.now();
  for (const part of [head, shards, table, rates, hosts, parts, happenings, changes]) part.draw(picture);
  performance.measure("draw", { start: began }); // for the tests, and the browser's own tools
  performance.clearMeasures("draw");
}

function deal(name, data) {
  if (name === "away") {
    away = true;
    head.lost(sentence(data), heard);
    return;
  }
  if (name === "picture") picture = data;
  else if (name === "change" && picture !== null) changed(picture, data);
  else return;
  away = false;
  heard = Date.now();
  rates.remember(picture);
  head.title(picture);
  draw();
}

function token(wrong) {
  return new Promise((resolve) => {
    const act = ({ token: given }) => { resolve(given); return true; };
    const costs = () => ["It stays in the memory of this page: a reload asks again."];
    ask({ title: "This cluster asks for its token", yes: "Go on", costs, act, end: () => resolve(null) });
    if (wrong) refuse("That is not the token.", true);
  });
}

document.addEventListener("visibilitychange", draw);
listen("stream", {
  deal,
  token,
  lost: (words) => { away = true; head.lost(words, heard); },
});
