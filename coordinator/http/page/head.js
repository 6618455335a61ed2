// The top of the page: how the cluster is, in words and in a few numbers.

import { byId, dress, list, say, show } from "./elements.js";
import { medianHeartbeat, states } from "./picture.js";
import { count, explained, kind, milliseconds, plain, rate, some, span, timeOfDay } from "./words.js";

/** The text that all of these are; "": they differ. */
const common = (texts) => (texts.every((text) => text === texts[0]) ? texts[0] ?? "" : "");

/** What hosts that are away mean: of their shards only what was said last is known. */
function lack(away, all) {
  const many = away.reduce((sum, host) => sum + host.shards, 0);
  const who = away.length === 1 ? `a host that is away` : `${count(away.length)} hosts that are away`;
  const until = Math.min(...away.map((host) => host.gone_in_s ?? Infinity));
  const when = Number.isFinite(until) ? ` in ${span(until)}` : "";
  const one = away.length === 1 ? "It is" : "The first is";
  return [
    "bad",
    `${some(many, "shard")} of ${count(all)} ${many === 1 ? "is" : "are"} on ${who}`,
    `${one} given up${when}, unless it is back; shards of a host that was given up are resumed on others.`,
  ];
}

/** How the cluster is: [kind, title, sentence]. */
export function summary(picture) {
  const { state, shards, shards_ready: ready, troubles, warnings, budget, waiting, workers, hosts } = picture;
  const rest = shards.length - ready;
  const others = states(shards).filter(([name]) => name !== "ready")
    .map(([name, many]) => `${count(many)} ${explained(name)}`).join(", ");
  if (state === "stopping") return ["way", "Stopping", "Sessions are closed so that they can be resumed."];
  if (state === "starting") {
    const waits = common(workers.map((worker) => (worker.state === "starting" ? worker.detail : "")));
    const turn = waiting && budget.wait_s > 0 ? ` The last identify comes in about ${span(budget.wait_s)}.` : "";
    const title = shards.length ? `Starting: ${count(ready)} of ${some(shards.length, "shard")} ready` : "Starting";
    if (waits) return ["way", title, `The cluster ${waits}.`];
    return ["way", title, others ? `${others}.${turn}` : "Workers are being started."];
  }
  if (rest) {
    const worst = states(shards).some(([name]) => kind(name) === "bad") ? "bad" : "way";
    return [worst, `${some(rest, "shard")} of ${count(shards.length)} ${rest === 1 ? "is" : "are"} not ready`, `${others}.`];
  }
  const away = hosts.filter((host) => host.state === "away");
  if (away.length) return lack(away, shards.length);
  const title = shards.length === 1 ? "The shard is ready" : `All ${count(shards.length)} shards are ready`;
  const below = troubles.length + warnings.length;
  if (below) return ["way", title, `${some(below, "thing")} below ${below === 1 ? "wants" : "want"} a look.`];
  return ["good", title, "Nothing is wrong."];
}

function tell([kind, title, sentence], aloud) {
  dress(byId("state"), `state ${kind}`);
  say(byId("state-title"), title);
  say(byId("state-words"), sentence);
  say(byId("said"), aloud); // read out where it changes: seldom, and without numbers
}

/** Draw the top of a picture. */
export function draw(picture) {
  tell(summary(picture), `The cluster is ${plain(picture.state)}.`);
  dress(byId("main"), "");
  say(byId("name"), picture.name);
  say(byId("ready"), `${count(picture.shards_ready)} of ${count(picture.shards.length)}`);
  say(byId("rate"), rate(picture.events_per_s));
  say(byId("heartbeat"), milliseconds(medianHeartbeat(picture.shards)));
  say(byId("left"), picture.budget.known ? count(picture.budget.remaining) : "–");
  say(byId("events"), count(picture.events));
  say(byId("uptime"), span(picture.uptime_s));
  show(byId("sandbox"), picture.sandbox);
  show(byId("troubles-part"), picture.troubles.length > 0);
  list(byId("troubles"), picture.troubles);
  show(byId("warnings-part"), picture.warnings.length > 0);
  list(byId("warnings"), picture.warnings);
  const change = picture.may_change ? "" : "; nothing can be changed from here without [http] token_file";
  say(byId("about"), `dcgw-cluster ${picture.version}${change}`);
}

/** The title of the tab, which is seen while the page is not. */
export function title(picture) {
  document.title = `${picture.shards_ready}/${picture.shards.length} ${picture.name} – dcgw-cluster`;
}

/** Say that nothing comes, since when, and why. */
export function lost(words, since) {
  const old = since === null ? "" : ` What is shown is of ${timeOfDay((since - Date.now()) / 1000, true)}.`;
  tell(["bad", "No news from the cluster", `${words}${old} It is asked again by itself.`], "No news from the cluster.");
  dress(byId("main"), since === null ? "" : "old");
  document.title = "no news – dcgw-cluster";
}
