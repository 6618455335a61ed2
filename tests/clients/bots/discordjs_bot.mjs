// discord.js's Client, as a process: the line protocol of client_driver.py.
//
// The sandbox's authority comes by NODE_EXTRA_CA_CERTS, the token and the rest on stdin.
import { createInterface } from 'node:readline';
import { createHash } from 'node:crypto';
import { BitField, Client, Collection, Partials } from 'discord.js';

const ALL_INTENTS = 53608447;

const receipts = [];
const sessions = {};
const logs = [];
const errors = [];
const waiting = [];
const counts = {};

const say = (answer) => process.stdout.write(`${JSON.stringify(answer)}\n`);
const reached = ({ count, name }) => (name ? (counts[name] ?? 0) : receipts.length) >= count;
const report = () => ({ receipts, sessions, caches: {}, logs, errors });
const keep = (where) => (error) =>
	errors.push({ where, error: String(error), traceback: error?.stack ?? '' });

process.on('uncaughtException', keep('uncaughtException'));
process.on('unhandledRejection', keep('unhandledRejection'));
process.on('warning', (warning) => logs.push({ logger: 'node', level: 'WARNING', message: String(warning) }));

// What leads out of the cache, or grows with what a client has heard rather than with the world.
const SKIPPED = new Set(['client', 'guild', 'messages', 'shardId', 'commands', 'bans', 'invites']);

function plain(value, inside = []) {
	if (value === null || value === undefined) return null;
	if (typeof value === 'bigint') return String(value);
	if (typeof value !== 'object') return typeof value === 'function' ? undefined : value;
	if (value instanceof Date) return value.toISOString();
	if (value instanceof BitField) return String(value.bitfield);
	if (value instanceof Map || value instanceof Collection) {
		const rows = [...value].sort(([a], [b]) => (String(a) < String(b) ? -1 : 1));
		return Object.fromEntries(rows.map(([key, item]) => [key, plain(item, inside)]));
	}
	if (value instanceof Set) return [...value].map((item) => plain(item, inside));
	if (Array.isArray(value)) return value.map((item) => plain(item, inside));
	if (inside.includes(value)) return `(${value.constructor.name} ${value.id ?? ''})`;
	const further = [...inside, value];
	const fields = Object.keys(value).filter((key) => !SKIPPED.has(key)).sort();
	const entries = fields.map((key) => [key, plain(value[key], further)]);
	if (value.cache instanceof Map) entries.push(['cache', plain(value.cache, further)]);
	return Object.fromEntries(entries);
}

function received({ t, s, d, op }, shardId) {
	if (op !== 0) return;
	// d as the library parsed it, written again: the order of its keys is kept.
	const hash = createHash('blake2b512').update(JSON.stringify(d)).digest('hex').slice(0, 16);
	if (t === 'READY') sessions[shardId] = d.session_id;
	receipts.push([shardId, sessions[shardId] ?? '', s, t, hash]);
	counts[t] = (counts[t] ?? 0) + 1;
	for (const message of waiting.filter(reached)) {
		waiting.splice(waiting.indexOf(message), 1);
		say({ answer: {} });
	}
}

function start(config) {
	const client = new Client({
		intents: ALL_INTENTS,
		partials: Object.values(Partials).filter((partial) => typeof partial === 'number'),
		shards: config.shards ?? 'auto',
		shardCount: config.shards?.length,
		waitGuildTimeout: 500,
		rest: { api: config.api_url, version: '10' },
	});
	if (config.proxy_url) {
		// Where the gateway is, the proxy says; everything else is asked of Discord.
		const get = client.rest.get.bind(client.rest);
		client.rest.get = async (route, options) => {
			if (route !== '/gateway/bot') return get(route, options);
			const headers = { Authorization: `Bot ${config.token}` };
			return (await fetch(`${config.proxy_url}/api/v10/gateway/bot`, { headers })).json();
		};
	}
	client.on('raw', received);
	client.on('error', keep('error'));
	client.on('shardError', keep('shardError'));
	client.once('clientReady', () => say({ ready: true }));
	client.login(config.token).catch(keep('login'));
	return client;
}

const commands = {
	report,
	dump: (client) => ({ guilds: plain(client.guilds.cache), user: plain(client.user) }),
	voice: (client, { guild_id: id }) => {
		const guild = client.guilds.cache.get(id);
		const channel = guild.channels.cache.find((c) => c.type === 2);
		guild.shard.send({ op: 4, d: { guild_id: id, channel_id: channel.id, self_mute: true, self_deaf: false } });
		return {};
	},
};

let client = null;
for await (const line of createInterface({ input: process.stdin })) {
	const message = JSON.parse(line);
	if (client === null) {
		client = start(message);
	} else if (message.do === 'wait') {
		if (reached(message)) say({ answer: {} });
		else waiting.push(message);
	} else if (message.do === 'stop') {
		break;
	} else {
		say({ answer: commands[message.do](client, message) });
	}
}
await client?.destroy();
// The library's timers would keep the process for a while; exit once the report has left.
process.stdout.write(`${JSON.stringify({ stopped: true, ...report() })}\n`, () => process.exit(0));
