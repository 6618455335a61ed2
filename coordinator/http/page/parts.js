// Workers, the identify budget, subscribers, and the operation that is under way.

import { byId, dress, fill, say, show, svg } from "./elements.js";
import { count, kind, percent, plain, rate, size, some, span, timeOfDay } from "./words.js";

const condition = ({ state, host, detail }) =>
  `${plain(state)}${host ? ` on ${host}` : ""}${detail ? `: ${detail}` : ""}`;

function workers(picture) {
  const rows = picture.workers.map((worker) => [
    [String(worker.slot), "number"],
    [condition(worker), `condition ${kind(worker.state)}`],
    [`${count(worker.shards_ready)} of ${count(worker.shards)}`, worker.shards_ready < worker.shards ? "number way" : "number"],
    [rate(worker.events_per_s), "number"],
    [percent(worker.cpu_percent), "number"],
    [size(worker.rss_bytes), "number"],
    [size(worker.journal_bytes), "number"],
    worker.journalling ? [span(worker.journal_seconds), "number"] : ["suspended", "number bad"],
    [count(worker.unpublished), "number"],
    [count(worker.restarts), worker.restarts ? "number way" : "number"],
  ]);
  fill(byId("workers"), rows);
}

const bar = svg("svg", { viewBox: "0 0 100 4", preserveAspectRatio: "none", role: "img" });
const left = svg("rect", { height: 4, class: "left" });
bar.append(svg("title", {}), svg("rect", { width: 100, height: 4, class: "all" }), left);
byId("budget").append(bar);

function budget(picture) {
  const { known, remaining, total, reset_after_s: reset, max_concurrency: each, wait_s: wait, trouble } = picture.budget;
  const share = known && total ? Math.min(1, remaining / total) : 0;
  left.setAttribute("width", (100 * share).toFixed(1));
  dress(byId("budget"), `budget ${share > 0.25 ? "good" : share > 0.1 ? "way" : "bad"}`);
  const words = known ? `${count(remaining)} of ${count(total)} left` : "Discord has not said how many are left";
  say(bar.firstElementChild, words);
  say(byId("budget-words"), words);
  say(byId("budget-clock"), known
    ? `All are back in ${span(reset)}, at ${timeOfDay(reset)}. ${each === 1 ? "One" : count(each)} may go each 5 s.` : "");
  const queue = picture.waiting ? [`${some(picture.waiting, "shard")} ${picture.waiting === 1 ? "waits" : "wait"}, the last for ${span(wait)}.`] : [];
  if (!picture.waiting) queue.push("None waits.");
  if (trouble) queue.push(trouble);
  say(byId("budget-queue"), queue.join(" "));
}

function subscribers(picture) {
  fill(byId("subscribers"), picture.subscribers.map((row) => [
    [row.lacks.length ? `${row.name} (lacks ${row.lacks.join(", ")})` : row.name, row.lacks.length ? "called bad" : "called"],
    [row.lag ? count(row.lag) : "none", row.lag > 1000 ? "number way" : "number"],
    [count(row.events), "number"],
    [count(row.gaps), row.gaps ? "number bad" : "number"],
    [count(row.replays), "number"], [span(row.since_s), "number"],
  ]));
  show(byId("subscribers-table"), picture.subscribers.length > 0);
  const rest = byId("subscribers-rest");
  const { subscribers_unknown: unknown } = picture;
  show(rest, unknown > 0 || !picture.subscribers.length);
  if (unknown) say(rest, `${some(unknown, "connection")} that ${unknown === 1 ? "says" : "say"} nothing of ${unknown === 1 ? "itself" : "themselves"}.`);
  else say(rest, "Nobody is connected.");
}

let followed = { id: "", until: 0 }; // the operation that was seen under way, and how long its end is shown

function operation(picture) {
  const { operation: now } = picture;
  if (now?.state === "running") followed = { id: now.id, until: Infinity };
  else if (now?.id === followed.id && followed.until === Infinity) followed.until = Date.now() + 60_000;
  const shown = now !== null && now.id === followed.id && Date.now() < followed.until;
  show(byId("operation"), shown);
  if (!shown) return;
  dress(byId("operation"), `wide operation ${{ running: "way", done: "good", failed: "bad" }[now.state]}`);
  const end = { running: "", done: ": done", failed: ": failed" }[now.state];
  say(byId("operation-title"), `${now.kind[0].toUpperCase()}${now.kind.slice(1)}${end}`);
  const progress = byId("operation-progress");
  show(progress, now.state === "running");
  if (now.total) { progress.max = now.total; progress.value = now.done; } else progress.removeAttribute("value");
  const words = now.failure ? [now.failure.cause, now.failure.action].filter(Boolean).join("; ") : now.text;
  const steps = now.total && now.state === "running" ? ` (${count(now.done)} of ${count(now.total)})` : "";
  say(byId("operation-words"), `${words}${steps}, ${span(now.seconds)}`);
}

/** Draw these parts of a picture. */
export function draw(picture) {
  operation(picture);
  workers(picture);
  budget(picture);
  subscribers(picture);
}
