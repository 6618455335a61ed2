// A line of the last two minutes, drawn as SVG.

import { say, svg } from "./elements.js";
import { rate } from "./words.js";

export const SECONDS = 120;

/** The least of 1, 2, 5, 10, 20, 50 ... that is not below a value: the top of an axis. */
export function ceiling(value) {
  const power = 10 ** Math.floor(Math.log10(Math.max(value, 1)));
  return [1, 2, 5, 10].map((step) => step * power).find((step) => step >= value);
}

/** The path of a line through values, the last at the right edge. */
export function path(values, most, width, height) {
  const x = (index) => width - (values.length - 1 - index) * (width / SECONDS);
  const y = (value) => height - (Math.min(value, most) / most) * height;
  return values.map((value, index) => `${x(index).toFixed(1)},${y(value).toFixed(1)}`).join("L");
}

/** A chart with an area under its line. `draw(values)`: one a second, the last is now. */
export function chart({ width, height, label }) {
  const picture = svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", preserveAspectRatio: "none" });
  const title = svg("title", {});
  const area = svg("path", { class: "area" });
  const line = svg("path", { class: "line" });
  picture.append(title, area, line);

  function draw(values, most) {
    const points = path(values, most, width, height);
    const left = width - (values.length - 1) * (width / SECONDS);
    line.setAttribute("d", `M${points}`);
    area.setAttribute("d", `M${left.toFixed(1)},${height}L${points}L${width},${height}Z`);
    say(title, `${label}: ${rate(values.at(-1))} now, ${rate(Math.max(...values))} at most in the last two minutes`);
  }
  return { picture, draw };
}
