// How much memory discord.js's cache takes: node --expose-gc discordjs_cache.mjs FILE
//
// FILE has a line of JSON [name, d] for READY and each GUILD_CREATE. Says {"bytes", "guilds",
// "take_in_us"} as a line of JSON.
import { createReadStream } from "node:fs";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const require = createRequire(new URL("../../tests/clients/package.json", import.meta.url));
const { Client, ClientUser, GatewayIntentBits } = require("discord.js");

const intents = Object.values(GatewayIntentBits).filter((bit) => typeof bit === "number");
const client = new Client({ intents });
gc();
const before = process.memoryUsage().rss;
const began = process.cpuUsage();
for await (const line of createInterface({ input: createReadStream(process.argv[2]) })) {
  const [name, d] = JSON.parse(line);
  if (name === "READY") client.user = new ClientUser(client, d.user);
  else if (name === "GUILD_CREATE") client.guilds._add({ ...d, shardId: 0 });
}
const cpu = process.cpuUsage(began);
gc();
const guilds = client.guilds.cache.size;
const bytes = process.memoryUsage().rss - before;
console.log(JSON.stringify({ bytes, guilds, take_in_us: (cpu.user + cpu.system) / guilds }));
process.exit(0);
