// Takes a picture of the cluster each second, and lets each part draw its own.

import { chart } from "./chart.js";
import { byId, fill, list, say } from "./elements.js";
import * as shards from "./shards.js";
import { count, kind, plain, rate, size, span } from "./words.js";

const events = chart(byId("chart"), "Events a second");

function head(picture) {
  say(byId("name"), picture.name);
  document.title = `${picture.shards_ready}/${picture.shards.length} ${picture.name} – dcgw-cluster`;
  badge(picture.state);
  say(byId("ready"), `${count(picture.shards_ready)} of ${count(picture.shards.length)}`);
  say(byId("rate"), rate(picture.events_per_s));
  say(byId("events"), count(picture.events));
  say(byId("uptime"), span(picture.uptime_s));
  say(byId("about"), `dcgw-cluster ${picture.version}${picture.sandbox ? ", on a sandbox" : ""}`);
}

function badge(state) {
  const place = byId("state");
  const name = `badge ${kind(state)}`;
  if (place.className !== name) place.className = name;
  say(place, plain(state));
}

function workers(picture) {
  fill(byId("workers"), picture.workers.map((worker) => [
    String(worker.slot), [plain(worker.state), kind(worker.state)],
    [`${worker.shards_ready}/${worker.shards}`, "number"],
    [rate(worker.events_per_s), "number"],
    [`${Math.round(worker.cpu_percent)} %`, "number"],
    [size(worker.rss_bytes), "number"],
    [worker.journalling ? `${size(worker.journal_bytes)}, ${span(worker.journal_seconds)}` : "not written",
      worker.journalling ? "number" : "number bad"],
    [count(worker.unpublished), "number"],
    [count(worker.restarts), "number"],
  ]));
}

function budget(picture) {
  const { known, remaining, total, reset_after_s, max_concurrency, waiting, wait_s, trouble } = picture.budget;
  const meter = byId("budget");
  meter.hidden = !known;
  if (known) { meter.max = Math.max(1, total); meter.value = remaining; meter.low = total / 10; }
  const words = [known
    ? `${count(remaining)} of ${count(total)} left, all back in ${span(reset_after_s)}; ${max_concurrency} at a time.`
    : "Not known how many are left."];
  if (waiting.length) words.push(`${count(waiting.length)} wait, the last for ${span(wait_s)}.`);
  if (trouble) words.push(trouble);
  say(byId("budget-words"), words.join(" "));
}

function subscribers(picture) {
  fill(byId("subscribers"), picture.subscribers.map((row) => [
    row.name, [count(row.lag), "number"], [count(row.events), "number"],
    [count(row.gaps), row.gaps ? "number bad" : "number"], [count(row.replays), "number"], span(row.since_s),
  ]));
  const rest = byId("subscribers-rest");
  rest.hidden = !picture.subscribers_unknown;
  say(rest, `${count(picture.subscribers_unknown)} more are connected.`);
}

function operation(picture) {
  const { operation: now } = picture;
  const place = byId("operation");
  place.hidden = now === null || now.state !== "running";
  if (!place.hidden) say(place, `${now.kind}: ${now.text}${now.total ? ` (${now.done} of ${now.total})` : ""}`);
}

function draw(picture) {
  head(picture);
  list(byId("troubles"), picture.troubles);
  operation(picture);
  shards.draw(picture);
  events.add(picture.events_per_s);
  workers(picture);
  budget(picture);
  subscribers(picture);
}

const source = new EventSource("stream");
source.addEventListener("picture", (event) => draw(JSON.parse(event.data)));
source.addEventListener("away", (event) => {
  badge("down");
  list(byId("troubles"), [JSON.parse(event.data)]);
});
source.addEventListener("error", () => {
  badge("connecting");
  list(byId("troubles"), ["This page hears nothing from the cluster; it tries again by itself."]);
});
