// The hosts that workers run on, where these are others than the coordinator's own.

import { byId, fill, show } from "./elements.js";
import { count, kind, percent, plain, rate, size, span } from "./words.js";

const known = (value, say) => (value === null ? "–" : say(value));

function condition(host) {
  const when = host.gone_in_s === null ? "" : `, given up in ${span(host.gone_in_s)}`;
  return `${plain(host.state)}${when}${host.detail ? `: ${host.detail}` : ""}`;
}

/** Draw the hosts of a picture. */
export function draw(picture) {
  const { hosts } = picture;
  show(byId("hosts-part"), hosts.length > 0);
  fill(byId("hosts"), hosts.map((host) => [
    [host.address && host.address !== host.name ? `${host.name} (${host.address})` : host.name, "host"],
    [condition(host), `condition ${kind(host.state)}`],
    [host.share ? `${count(host.workers)} of ${count(host.share)}` : count(host.workers), "number"],
    [`${count(host.shards_ready)} of ${count(host.shards)}`, host.shards_ready < host.shards ? "number way" : "number"],
    [rate(host.events_per_s), "number"],
    [known(host.cpu_percent, percent), "number"],
    [known(host.memory_percent, percent), "number"],
    [known(host.disk_free_bytes, size), "number"],
    [host.heard_s === null ? "never" : `${span(host.heard_s)} ago`, "number"],
  ]));
}
