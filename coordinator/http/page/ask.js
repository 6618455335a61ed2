// The dialog: asks before anything is changed, says what it costs, and asks for the token.

import { byId, say, show } from "./elements.js";
import * as token from "./token.js";

const dialog = byId("ask");
const answer = byId("ask-answer");
let asked = null; // what is asked now: { act, words, counted, end }

function words(texts) {
  byId("ask-words").replaceChildren(...texts.map((text) => {
    const line = document.createElement("p");
    line.textContent = text;
    return line;
  }));
}

const countOf = () => Math.max(0, Math.trunc(Number(byId("ask-count").value) || 0));

/**
 * Ask. title, yes: texts; costs(count) -> texts; count: the number that is asked for too; act({token,
 * count}) resolves to a text that says why not, or to "".
 */
export function ask({ title, yes, costs, count = null, act, end = () => {} }) {
  asked = { costs, act, end };
  say(byId("ask-title"), title);
  say(byId("ask-yes"), yes);
  say(answer, "");
  show(byId("ask-count-label"), count !== null);
  if (count !== null) byId("ask-count").value = String(count);
  show(byId("ask-token-label"), token.known() === null);
  byId("ask-token").required = token.known() === null;
  words(costs(countOf()));
  if (!dialog.open) dialog.showModal();
}

/** Say why what was asked for was not done; `again`: the token has to be given again. */
export function refuse(text, again) {
  say(answer, text);
  if (!again) return;
  token.forget();
  show(byId("ask-token-label"), true);
  byId("ask-token").required = true;
  byId("ask-token").value = "";
  byId("ask-token").focus();
}

byId("ask-count").addEventListener("input", () => asked && words(asked.costs(countOf())));
byId("ask-no").addEventListener("click", () => dialog.close());
dialog.addEventListener("close", () => {
  byId("ask-token").value = "";
  asked?.end();
  asked = null;
});
byId("ask-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  if (!asked || byId("ask-yes").disabled) return;
  if (token.known() === null) token.keep(byId("ask-token").value);
  byId("ask-yes").disabled = true;
  say(answer, "");
  try {
    if (await asked.act({ token: token.known(), count: countOf() })) dialog.close();
  } catch (error) {
    refuse(`It could not be sent: ${error.message}.`, false);
  } finally {
    byId("ask-yes").disabled = false;
  }
});
