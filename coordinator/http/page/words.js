// How numbers and states are said, in one place.

const UNITS = [["d", 86400], ["h", 3600], ["min", 60], ["s", 1]];

/** Seconds as "3 h 5 min": the two largest units. */
export function span(seconds) {
  if (seconds === null || seconds === undefined) return "–";
  let rest = Math.max(0, Math.round(seconds));
  const words = [];
  for (const [unit, size] of UNITS) {
    const many = Math.floor(rest / size);
    rest -= many * size;
    if (many || (unit === "s" && !words.length)) words.push(`${many} ${unit}`);
    if (words.length === 2) break;
  }
  return words.join(" ");
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
export const count = (number) => number.toLocaleString("en");

/** A rate: a decimal where it is small. */
export const rate = (number) => (number < 10 ? number.toFixed(1) : count(Math.round(number)));

/** A state's name as people write it. */
export const plain = (state) => state.replaceAll("_", " ");

/** What a state means for who looks on: good, on its way, bad, or at rest. */
const KINDS = {
  ready: "good", running: "good", done: "good",
  waiting: "way", connecting: "way", awaiting_hello: "way", awaiting_grant: "way",
  identifying: "way", resuming: "way", starting: "way", restarting: "way", stopping: "way",
  degraded: "bad", fatal: "bad", down: "bad", failed: "bad", missing: "bad",
  closed: "rest", stopped: "rest",
};
export const kind = (state) => KINDS[state] ?? "rest";
