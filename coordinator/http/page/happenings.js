// What has happened, the newest first, in the words of the coordinator.

import { byId, dress, grow, say, show } from "./elements.js";
import { timeOfDay } from "./words.js";

const KINDS = { info: "rest", warning: "way", error: "bad" };
const day = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });

function item() {
  const element = document.createElement("li");
  element.append(document.createElement("time"), document.createElement("p"));
  return element;
}

/** When it was: the time, before today with the date. */
function when(seconds) {
  const date = new Date(1000 * seconds);
  const today = date.toDateString() === new Date().toDateString();
  const time = timeOfDay(seconds - Date.now() / 1000, true);
  return today ? time : `${day.format(date)}, ${time}`;
}

/** Draw the happenings of a picture. */
export function draw(picture) {
  const { happenings } = picture;
  const place = byId("happenings");
  grow(place, happenings.length, item);
  // Those that were held to be summed up come with others that are newer
  happenings.toSorted((a, b) => b.at - a.at || b.number - a.number).forEach((one, at) => {
    const [time, words] = place.children[at].children;
    dress(place.children[at], KINDS[one.severity] ?? "rest");
    say(time, when(one.at));
    say(words, one.text);
  });
  show(byId("happenings-rest"), !happenings.length);
}
