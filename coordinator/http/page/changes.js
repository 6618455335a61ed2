// What changes the cluster: restart and reshard, each after asking.

import { ask, refuse } from "./ask.js";
import { byId, show } from "./elements.js";
import { reason } from "./refusals.js";
import { count, some, span } from "./words.js";

let picture = null;

async function post(path, body, token) {
  const answer = await fetch(path, {
    method: "POST",
    headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  if (answer.ok) return true;
  const wrong = answer.status === 401;
  refuse(wrong ? "This is not the token." : await reason(answer), wrong);
  return false;
}

const left = () => (picture.budget.known ? `${count(picture.budget.remaining)} of ${count(picture.budget.total)} are left` : "how many are left is not known");

function restart(worker) {
  const many = picture.workers.length;
  const title = worker === null ? `Restart ${many === 1 ? "the worker" : `all ${count(many)} workers, one after the other`}?` : `Restart worker ${worker}?`;
  const shards = worker === null ? picture.shards.length : picture.workers.find((one) => one.slot === worker)?.shards ?? 0;
  ask({
    title,
    yes: "Restart",
    costs: () => [
      `${some(shards, "session")} ${shards === 1 ? "is" : "are"} closed and resumed; what happens meanwhile comes after it.`,
      `It costs no identify, unless Discord refuses to resume a session: then that shard identifies (${left()}).`,
    ],
    act: ({ token }) => post("restart", worker === null ? { rolling: true } : { worker }, token),
  });
}

function reshard() {
  ask({
    title: "Change the number of shards?",
    yes: "Reshard",
    count: picture.shard_count,
    costs: (shards) => {
      if (!shards) return ["0 takes what Discord recommends, and costs as many identifies.", `Of them ${left()}.`];
      const { known, remaining, max_concurrency: each } = picture.budget;
      const texts = [`It costs ${some(shards, "identify", "identifies")}; ${left()}.`];
      if (known && shards > remaining) texts.push("That is more than are left: it will be refused.");
      else if (known) texts.push(`They take about ${span(Math.ceil(shards / Math.max(1, each)) * 5)}. The old shards go on until the new ones are ready; for that time twice the memory and connections are needed.`);
      return texts;
    },
    act: ({ token, count: shards }) => post("reshard", { shards }, token),
  });
}

byId("restart").addEventListener("click", () => restart(null));
byId("reshard").addEventListener("click", reshard);
byId("workers").addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (button) restart(Number(button.dataset.worker));
});

/** Offer what can be done with a picture: only where there is a token for it. */
export function draw(now) {
  picture = now;
  const { may_change: may } = picture;
  show(byId("restart"), may);
  show(byId("reshard"), may);
  show(document.querySelector("th.change"), may);
  const rows = byId("workers").rows;
  picture.workers.forEach((worker, at) => {
    let place = rows[at].querySelector("td.change");
    if (!may) { place?.remove(); return; }
    if (!place) {
      place = rows[at].insertCell();
      place.className = "change";
      const button = place.appendChild(document.createElement("button"));
      button.type = "button";
      button.textContent = "Restart …";
    }
    const button = place.firstElementChild;
    if (button.dataset.worker !== String(worker.slot)) {
      button.dataset.worker = worker.slot;
      button.ariaLabel = `Restart worker ${worker.slot} …`;
    }
  });
}
