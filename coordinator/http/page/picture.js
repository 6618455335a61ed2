// What is known of the cluster: a picture, and the changes that come to it each second.

const HAPPENINGS = 100;

/**
 * Put a change into a picture: fields are replaced, shards by their place, and what has happened is
 * added to what had. Returns the picture.
 */
export function changed(picture, change) {
  const { cells, happenings, ...fields } = change;
  Object.assign(picture, fields);
  for (const [at, shard] of cells) picture.shards[at] = shard;
  picture.happenings = picture.happenings.concat(happenings).slice(-HAPPENINGS);
  return picture;
}

/** The fields of a shard, which comes as an array. */
export const [ID, WORKER, STATE, HEARTBEAT, RATE, SILENT, GUILDS, IS_SILENT, DETAIL] = Array(9).keys();
const SLOW_HEARTBEAT_MS = 1000; // as in cluster/words.py

export const isReady = (shard) => shard[STATE] === "ready";
/** What is wrong with a ready shard: "silent", "slow heartbeat", or "". */
export const flaw = (shard) => {
  if (shard[IS_SILENT]) return "silent";
  return isReady(shard) && (shard[HEARTBEAT] ?? 0) >= SLOW_HEARTBEAT_MS ? "slow heartbeat" : "";
};

/** How many shards are in each state: [state, many], those with most first. */
export function states(shards) {
  const many = new Map();
  for (const shard of shards) many.set(shard[STATE], (many.get(shard[STATE]) ?? 0) + 1);
  return [...many].sort((a, b) => b[1] - a[1]);
}

/** The median of the shards' heartbeats in milliseconds; null: none is known. */
export function medianHeartbeat(shards) {
  const known = shards.map((shard) => shard[HEARTBEAT]).filter((one) => one !== null);
  return known.length ? known.sort((a, b) => a - b)[known.length >> 1] : null;
}
