// A line of the last two minutes, drawn as SVG.

import { say, svg } from "./elements.js";
import { rate } from "./words.js";

export const SECONDS = 120;
const GAP = 5;

/** The largest value of samples [second, value]. */
export const top = (samples) => samples.reduce((most, [, value]) => Math.max(most, value), 0);

/** The least of 1, 2, 5, 10, 20, 50 ... that is not below a value: the top of an axis. */
export function ceiling(value) {
  const power = 10 ** Math.floor(Math.log10(Math.max(value, 1)));
  return [1, 2, 5, 10].map((step) => step * power).find((step) => step >= value);
}

/**
 * The paths of a line through samples [second, value], the last at the right edge, and of the area
 * under it. Where nothing came for some seconds there is a gap, and no line that nobody measured.
 */
export function paths(samples, most, width, height) {
  const now = samples.at(-1)[0];
  const runs = [];
  let before = -Infinity;
  for (const [second, value] of samples) {
    if (second - before > GAP) runs.push([]);
    before = second;
    const x = width - (now - second) * (width / SECONDS);
    const y = height - (Math.min(value, most) / most) * height;
    runs.at(-1).push([x.toFixed(1), y.toFixed(1)]);
  }
  const line = runs.map((run) => `M${run.map((point) => point.join()).join("L")}`).join("");
  const area = runs.map((run) => `M${run[0][0]},${height}L${run.map((point) => point.join()).join("L")}L${run.at(-1)[0]},${height}Z`);
  return { line, area: area.join("") };
}

/** A chart with an area under its line. `draw(samples, most)`: most is the top of its axis. */
export function chart({ width, height, label }) {
  const picture = svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", preserveAspectRatio: "none" });
  const title = svg("title", {});
  const area = svg("path", { class: "area" });
  const line = svg("path", { class: "line" });
  picture.append(title, area, line);

  function draw(samples, most) {
    const now = paths(samples, most, width, height);
    line.setAttribute("d", now.line);
    area.setAttribute("d", now.area);
    say(title, `${label}: ${rate(samples.at(-1)[1])} now, ${rate(top(samples))} at most in the last two minutes`);
  }
  return { picture, draw };
}
