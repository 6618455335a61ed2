// Listens to the cluster: server-sent events, read by fetch, since EventSource sends no token.
//
// Whatever breaks is mended here: an end, an error or silence is told once, and it is asked again.
// Source: HTML standard, "Server-sent events".

import { reason } from "./refusals.js";

const QUIET_MS = 6000; // the server sends each second
const AGAIN_MS = [500, 1000, 2000, 4000];
const LONGEST = 64 * 1024 * 1024; // characters of one event

/** Takes text as it comes and gives out whole events. */
export function reader(deal) {
  let rest = "";
  return (text) => {
    rest += text;
    const events = rest.split("\n\n");
    rest = events.pop();
    if (rest.length > LONGEST) throw new Error("an event without an end");
    for (const event of events) {
      let name = "message";
      const data = [];
      for (const line of event.split("\n")) {
        if (line.startsWith("event: ")) name = line.slice(7);
        else if (line.startsWith("data: ")) data.push(line.slice(6));
      }
      if (data.length) deal(name, JSON.parse(data.join("\n")));
    }
  };
}

const sleep = (milliseconds) => new Promise((resolve) => { setTimeout(resolve, milliseconds); });

/**
 * Listen for ever. `deal(name, data)` gets what comes, `lost(words)` why nothing does, `token()`
 * resolves to a token once the server wants one: wrong says whether the last was refused.
 */
export async function listen(url, { deal, lost, token }) {
  let shown = null; // the token that is sent
  for (let tries = 0; ; tries += 1) {
    const stopped = new AbortController();
    let timer = setTimeout(() => stopped.abort(), QUIET_MS);
    try {
      const headers = shown === null ? {} : { Authorization: `Bearer ${shown}` };
      const answer = await fetch(url, { headers, signal: stopped.signal, cache: "no-store" });
      if (answer.status === 401) {
        clearTimeout(timer);
        shown = await token(shown !== null);
        tries = -1;
        continue;
      }
      if (!answer.ok) throw new Error(await reason(answer));
      const texts = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      const read = reader((name, data) => { tries = -1; deal(name, data); });
      for (;;) {
        const { done, value } = await texts.read();
        if (done) break;
        clearTimeout(timer);
        timer = setTimeout(() => stopped.abort(), QUIET_MS);
        read(value);
      }
      lost("The connection was closed.");
    } catch (error) {
      const plain = error instanceof TypeError || error.name === "AbortError";
      lost(plain ? "Nothing answers at this address." : error.message);
    } finally {
      clearTimeout(timer);
      stopped.abort();
    }
    await sleep(AGAIN_MS[Math.min(Math.max(tries, 0), AGAIN_MS.length - 1)]);
  }
}
