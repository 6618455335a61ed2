// Changes of the document: only what differs is touched, so that a second costs little.

export const byId = (id) => document.getElementById(id);

/** Set an element's text, if it is another. */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Make a table's body of so many rows of cells. A cell: its text, or [text, class]. */
export function fill(body, rows) {
  while (body.rows.length > rows.length) body.deleteRow(-1);
  rows.forEach((cells, at) => {
    const row = body.rows[at] ?? body.insertRow();
    cells.forEach((cell, column) => {
      const [text, name] = Array.isArray(cell) ? cell : [cell, ""];
      const place = row.cells[column] ?? row.insertCell();
      if (place.className !== name) place.className = name;
      say(place, text);
    });
  });
}

/** Make a list of so many items. */
export function list(element, texts) {
  while (element.children.length > texts.length) element.lastElementChild.remove();
  texts.forEach((text, at) => {
    say(element.children[at] ?? element.appendChild(document.createElement("li")), text);
  });
  element.hidden = !texts.length;
}
