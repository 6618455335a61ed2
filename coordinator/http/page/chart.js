// A line of the last two minutes, drawn as SVG.

import { rate } from "./words.js";

const SVG = "http://www.w3.org/2000/svg";
const SECONDS = 120;
const WIDTH = 600;
const HEIGHT = 120;

const make = (name, attributes) => {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
};

/** A chart in this place; `add` takes a value each second. */
export function chart(place, label) {
  const svg = make("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", preserveAspectRatio: "none" });
  const title = make("title", {});
  const area = make("path", { class: "area" });
  const line = make("path", { class: "line" });
  svg.append(title, area, line);
  const top = document.createElement("span");
  top.className = "top";
  const foot = document.createElement("p");
  foot.className = "foot";
  for (const text of ["2 min ago", "now"]) foot.appendChild(document.createElement("span")).textContent = text;
  place.append(top, svg, foot);
  const values = [];

  function add(value) {
    values.push(value);
    if (values.length > SECONDS + 1) values.shift();
    const most = Math.max(1, ...values);
    const x = (index) => WIDTH - (values.length - 1 - index) * (WIDTH / SECONDS);
    const y = (one) => HEIGHT - 2 - (one / most) * (HEIGHT - 8);
    const points = values.map((one, index) => `${x(index).toFixed(1)},${y(one).toFixed(1)}`).join("L");
    line.setAttribute("d", `M${points}`);
    area.setAttribute("d", `M${x(0).toFixed(1)},${HEIGHT}L${points}L${WIDTH},${HEIGHT}Z`);
    top.textContent = `${rate(most)}/s`;
    title.textContent = `${label}: ${rate(value)} now, ${rate(most)} at most in the last two minutes`;
  }
  return { add };
}
