// @discordjs/ws on the sandbox, as a process: the line protocol of client_driver.py.
//
// The sandbox's authority comes by NODE_EXTRA_CA_CERTS, the token and the rest on stdin.
import { createInterface } from 'node:readline';
import { REST } from '@discordjs/rest';
import { CompressionMethod, WebSocketManager, WebSocketShardEvents } from '@discordjs/ws';

const ALL_INTENTS = 53608447;
const COMPRESSION = {
	none: null,
	payload: null,
	'zlib-native': CompressionMethod.ZlibNative,
	'zlib-sync': CompressionMethod.ZlibSync,
};

const receipts = [];
const sessions = {};
const sessionless = {};
const guilds = {};
const logs = [];
const errors = [];
const waiting = [];
const counts = {};
let resumed = 0;

const say = (answer) => process.stdout.write(`${JSON.stringify(answer)}\n`);
const reached = ({ count, name }) => (name ? (counts[name] ?? 0) : receipts.length) >= count;
const report = () => ({ receipts, sessions, caches: caches(), logs, errors, resumed });
const keep = (where) => (error) =>
	errors.push({ where, error: String(error), traceback: error?.stack ?? '' });

process.on('uncaughtException', keep('uncaughtException'));
process.on('unhandledRejection', keep('unhandledRejection'));
process.on('warning', (warning) => logs.push({ logger: 'node', level: 'WARNING', message: String(warning) }));
console.warn = (message) => logs.push({ logger: 'console', level: 'WARNING', message: String(message) });

// The library keeps no cache: this one is made of the events, as discord.js makes its own.
const ids = (list, id) => new Set(list.map(id));
const changes = {
	GUILD_CREATE: (d) => {
		guilds[d.id] = {
			channels: ids(d.channels, (c) => c.id),
			roles: ids(d.roles, (r) => r.id),
			members: ids(d.members, (m) => m.user.id),
			member_count: d.member_count,
			name: d.name,
		};
	},
	GUILD_DELETE: (d) => {
		if (!d.unavailable) delete guilds[d.id];
	},
	GUILD_UPDATE: (d) => (guilds[d.id].name = d.name),
	CHANNEL_CREATE: (d) => guilds[d.guild_id]?.channels.add(d.id),
	CHANNEL_DELETE: (d) => guilds[d.guild_id]?.channels.delete(d.id),
	GUILD_ROLE_CREATE: (d) => guilds[d.guild_id].roles.add(d.role.id),
	GUILD_ROLE_DELETE: (d) => guilds[d.guild_id].roles.delete(d.role_id),
	GUILD_MEMBER_ADD: (d) => {
		guilds[d.guild_id].members.add(d.user.id);
		guilds[d.guild_id].member_count += 1;
	},
	GUILD_MEMBER_REMOVE: (d) => {
		guilds[d.guild_id].members.delete(d.user.id);
		guilds[d.guild_id].member_count -= 1;
	},
};
const caches = () => {
	const sorted = ([key, value]) => [key, value instanceof Set ? [...value].sort() : value];
	const plain = (guild) => Object.fromEntries(Object.entries(guild).map(sorted));
	return Object.fromEntries(Object.entries(guilds).map(([id, guild]) => [id, plain(guild)]));
};

function received({ t, s, d }, shardId) {
	// d's bytes are gone once the library has parsed them: no hash here.
	const receipt = [shardId, sessions[shardId] ?? '', s, t, null];
	receipts.push(receipt);
	// With payload compression the library inflates each message by itself, in node's thread pool:
	// a GUILD_CREATE may be handed out before the READY that names the session of both.
	if (t === 'READY') {
		sessions[shardId] = d.session_id;
		for (const early of [receipt, ...(sessionless[shardId] ?? [])]) early[1] = d.session_id;
		delete sessionless[shardId];
	} else if (!sessions[shardId]) {
		(sessionless[shardId] ??= []).push(receipt);
	}
	changes[t]?.(d);
	counts[t] = (counts[t] ?? 0) + 1;
	for (const message of waiting.filter(reached)) {
		waiting.splice(waiting.indexOf(message), 1);
		say({ answer: {} });
	}
}

function start(config) {
	const rest = new REST({ api: config.api_url, version: '10' }).setToken(config.token);
	const manager = new WebSocketManager({
		token: config.token,
		intents: ALL_INTENTS,
		rest,
		compression: COMPRESSION[config.compression],
		useIdentifyCompression: config.compression === 'payload',
	});
	manager.on(WebSocketShardEvents.Dispatch, received);
	manager.on(WebSocketShardEvents.Resumed, () => (resumed += 1));
	manager.on(WebSocketShardEvents.Error, keep('error'));
	manager.on(WebSocketShardEvents.SocketError, keep('socketError'));
	manager.connect().then(() => say({ ready: true }), keep('connect'));
	return manager;
}

let manager = null;
for await (const line of createInterface({ input: process.stdin })) {
	const message = JSON.parse(line);
	if (manager === null) {
		manager = start(message);
	} else if (message.do === 'wait') {
		if (reached(message)) say({ answer: {} });
		else waiting.push(message);
	} else if (message.do === 'report') {
		say({ answer: report() });
	} else if (message.do === 'stop') {
		break;
	}
}
await manager?.destroy();
// The library's timers would keep the process for a while; exit once the report has left.
process.stdout.write(`${JSON.stringify({ stopped: true, ...report() })}\n`, () => process.exit(0));
