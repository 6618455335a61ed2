// How numbers and states are said, in one place.

const UNITS = [["d", 86400], ["h", 3600], ["min", 60], ["s", 1]];
const NONE = "–";
const thousands = new Intl.NumberFormat("en");
const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });
const exactClock = new Intl.DateTimeFormat("en-GB", { timeStyle: "medium" });

/** Seconds as "3 h 5 min": the two largest units. */
export function span(seconds) {
  if (seconds === null || seconds === undefined) return NONE;
  let rest = Math.max(0, Math.round(seconds));
  const words = [];
  for (const [unit, size] of UNITS) {
    const many = Math.floor(rest / size);
    rest -= many * size;
    if (many) words.push(`${many} ${unit}`);
    else if (words.length) break;
    if (words.length === 2) break;
  }
  return words.join(" ") || "0 s";
}

/** Bytes as "12.3 MiB". */
export function size(bytes) {
  const steps = ["B", "KiB", "MiB", "GiB", "TiB"];
  let value = bytes;
  let step = 0;
  while (value >= 1024 && step < steps.length - 1) { value /= 1024; step += 1; }
  return `${value.toFixed(step && value < 100 ? 1 : 0)} ${steps[step]}`;
}

/** A count with its thousands apart. */
export const count = (number) => thousands.format(number);

/** A count of things: "1 shard", "2 shards". */
export const some = (number, one, many = `${one}s`) => `${count(number)} ${number === 1 ? one : many}`;

/** A rate: a decimal where it is small. */
export const rate = (number) => (number && number < 10 ? number.toFixed(1) : count(Math.round(number)));

export const percent = (number) => `${number < 10 ? number.toFixed(1) : Math.round(number)} %`;

export const milliseconds = (number) => (number === null ? NONE : `${count(number)} ms`);

/** The time of day of a moment in so many seconds (before now: below zero). */
export const timeOfDay = (seconds, exact = false) =>
  (exact ? exactClock : clock).format(Date.now() + seconds * 1000);

/**
 * A state: what it is to who looks on (good, on its way, bad or at rest), as people say it, and what
 * that means where it needs saying. A copy of the words in cluster/words.py; a test compares them.
 */
const STATES = {
  // of shards
  waiting: ["way", "waiting", "to connect"],
  connecting: ["way", "connecting"],
  awaiting_hello: ["way", "awaiting hello"],
  awaiting_grant: ["way", "awaiting grant", "a turn to identify"],
  identifying: ["way", "identifying"],
  resuming: ["way", "resuming"],
  ready: ["good", "ready"],
  fatal: ["bad", "fatal", "refused by Discord"],
  closed: ["rest", "closed"],
  starting: ["way", "starting"],
  down: ["bad", "down", "without its worker"],
  // of workers
  running: ["good", "running"],
  missing: ["bad", "missing"],
  restarting: ["way", "restarting"],
  failed: ["bad", "failed"],
  stopped: ["rest", "stopped"],
  // of hosts
  here: ["good", "here"],
  draining: ["way", "draining", "its shards move to other hosts"],
  away: ["bad", "away", "not heard of"],
  gone: ["bad", "gone", "its shards are elsewhere"],
  // of clusters
  degraded: ["bad", "degraded"],
  stopping: ["way", "stopping"],
};
export const kind = (state) => (STATES[state] ?? ["rest"])[0];
export const plain = (state) => (STATES[state] ?? [])[1] ?? state.replaceAll("_", " ");
export const explained = (state) => {
  const meaning = (STATES[state] ?? [])[2];
  return meaning ? `${plain(state)} (${meaning})` : plain(state);
};
