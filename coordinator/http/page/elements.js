// Changes of the document: only what differs is touched, so that a second costs little.

export const byId = (id) => document.getElementById(id);

/** Set an element's text, if it is another. */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Set an element's class, if it is another. */
export function dress(element, name) {
  if (element.className !== name) element.className = name;
}

/** Show an element or hide it. */
export function show(element, shown) {
  if (element.hidden === shown) element.hidden = !shown;
}

/** Give a parent so many children; `make` returns a new one. */
export function grow(parent, many, make) {
  while (parent.children.length > many) parent.lastElementChild.remove();
  const added = document.createDocumentFragment();
  for (let more = many - parent.children.length; more > 0; more -= 1) added.append(make());
  parent.append(added);
}

/**
 * Make a table's body of so many rows of cells. A cell: its text, or [text, class]. On a phone each
 * row is a block of its own, in which a cell stands beside its column's heading (data-label).
 */
export function fill(body, rows) {
  const headings = [...body.parentElement.tHead.rows[0].cells];
  while (body.rows.length > rows.length) body.deleteRow(-1);
  rows.forEach((cells, at) => {
    const row = body.rows[at] ?? body.insertRow();
    cells.forEach((cell, column) => {
      const [text, name] = Array.isArray(cell) ? cell : [cell, ""];
      let place = row.cells[column];
      if (!place) {
        place = row.insertCell();
        place.dataset.label = headings[column].textContent;
      }
      dress(place, name);
      say(place, text);
    });
  });
}

/** Make a list of so many items of text. */
export function list(element, texts) {
  grow(element, texts.length, () => document.createElement("li"));
  texts.forEach((text, at) => say(element.children[at], text));
}

/** A new SVG element. */
export function svg(name, attributes) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}
