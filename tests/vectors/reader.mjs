// A reader in another language, written from docs/wire-protocol.md alone.
//
//   node reader.mjs FILE.json ...        what it makes of each vector: a line of JSON a file
//   node reader.mjs ENDPOINT [NAME ...]  what it makes of a hub's messages, a line an event or gap
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const require = createRequire(new URL('../clients/package.json', import.meta.url));
const { decode } = require('@msgpack/msgpack');
const HOLE = '_hole';

/** Name, number and fields of a message. */
function parse(message) {
	const nul = message.indexOf(0);
	const [name, number] = message.subarray(0, nul).toString('latin1').split('.');
	return { name, number: Number(number), fields: decode(message.subarray(nul + 1)) };
}

/** One shard, and its position: all that is subscribed to is out up to `at`. */
class Chain {
	out = [];
	constructor(names, epoch, at) {
		this.names = names && new Set([...names, HOLE]);
		this.later = new Map(); // epoch -> what came of it
		this.befores = new Map(); // epoch -> [the one before it, its last seq]
		this.enter(epoch, at);
	}

	enter(epoch, at) {
		Object.assign(this, { epoch, at, top: at, end: null, told: false });
		this.marks = [];
		this.events = new Map(); // seq -> [name, data]
		this.batches = []; // [name, prev, last]
		const waiting = this.later.get(epoch) ?? [];
		this.later.delete(epoch);
		for (const item of waiting) this.take(item);
	}

	message({ name, fields }) {
		if (fields[0] !== 1) return;
		if (name === '_watermark') {
			for (const [, , epoch, before, seq, base, table] of fields[5]) {
				this.see({ epoch, before, base, seq, table });
			}
		} else if (name === '_epoch_end') {
			const [, , , , epoch, before, seq, base, table] = fields;
			this.see({ epoch, before, base, seq, table, final: true });
		} else if (!name.startsWith('_') || name === HOLE) {
			const [, , , , epoch, before, , seq, prev, table, , events] = fields;
			const base = Array.isArray(prev) ? prev[0] : prev;
			this.see({ epoch, before, base, seq, table, name, events });
		}
	}

	see(item) {
		if (item.before) this.befores.set(item.epoch, item.before);
		if (item.epoch === this.epoch) this.take(item);
		else if (item.epoch > this.epoch) {
			this.later.set(item.epoch, [...(this.later.get(item.epoch) ?? []), item]);
		}
		this.leave();
	}

	take(item) {
		if (item.final) this.end = item.seq;
		this.top = Math.max(this.top, item.seq);
		if (item.events && this.wants(item.name)) {
			for (const [seq, data] of item.events) {
				if (seq > this.at) this.events.set(seq, [item.name, data]);
			}
			this.batches.push([item.name, item.base, item.seq]);
		}
		this.marks.push(item);
		for (;;) {
			const applies = this.marks.filter((m) => m.seq > this.at && this.applies(m));
			if (applies.length === 0) return;
			this.deliver(Math.max(...applies.map((m) => m.seq)));
		}
	}

	wants(name) {
		return !this.names || this.names.has(name);
	}

	/** Up to where a name is in hand: its batches that join on to the position and each other. */
	reach(name) {
		let reach = this.at;
		for (const [, base, last] of this.batches
			.filter((b) => b[0] === name)
			.sort((a, b) => a[1] - b[1])) {
			if (base <= reach) reach = Math.max(reach, last);
		}
		return reach;
	}

	applies({ base, table }) {
		return (
			base <= this.at &&
			table.every(([name, seq]) => seq <= this.at || !this.wants(name) || this.reach(name) >= seq)
		);
	}

	deliver(upto) {
		for (const seq of [...this.events.keys()].filter((s) => s <= upto).sort((a, b) => a - b)) {
			const [name, data] = this.events.get(seq);
			this.events.delete(seq);
			const text = Buffer.from(data).toString();
			if (name === HOLE) this.out.push(['gap', this.epoch, JSON.parse(text).first, seq, 'skipped']);
			else this.out.push(['event', this.epoch, name, seq, text]);
		}
		this.at = upto;
		this.batches = this.batches.filter((b) => b[2] > upto);
		this.marks = this.marks.filter((m) => m.seq > upto);
	}

	/** Leave the epoch when its end is known and reached. */
	leave() {
		for (;;) {
			const next = [...this.befores].find(([, before]) => before[0] === this.epoch);
			if (next) this.end = next[1][1];
			if (this.end === null || this.at < this.end) return;
			if (!this.told) this.out.push(['gap', this.epoch, this.end + 1, null, 'session_lost']);
			this.told = true;
			if (!next) return;
			this.enter(next[0], -1);
		}
	}

	/** What stands open. */
	ask() {
		if (this.later.size > 0 && this.end === null) return ['ask', this.epoch, this.at, null];
		const upto = this.end ?? this.top;
		return upto > this.at ? ['ask', this.epoch, this.at, upto] : null;
	}
}

function vector(file) {
	const { subscribed, start, messages } = JSON.parse(readFileSync(file, 'utf8'));
	const chain = new Chain(subscribed, ...start);
	for (const hex of messages) {
		const message = parse(Buffer.from(hex, 'hex'));
		if (message.name.startsWith('_') || chain.wants(message.name)) chain.message(message);
	}
	const ask = chain.ask();
	return ask ? [...chain.out, ask] : chain.out;
}

async function live(endpoint, names) {
	const { Subscriber } = require('zeromq');
	const socket = new Subscriber();
	const own = ['_hole.', '_epoch_end.', '_watermark.'];
	for (const prefix of names.length ? [...names.map((n) => `${n}.`), ...own] : ['']) {
		socket.subscribe(prefix);
	}
	socket.connect(endpoint);
	const chains = new Map();
	for await (const [frame] of socket) {
		const message = parse(frame);
		const { name, number, fields } = message;
		const rows = name === '_watermark' ? fields[5] : [[number, fields[3], fields[4], null, -1]];
		for (const row of rows) {
			const key = `${row[0]}/${row[1]}`;
			// A shard begins at the first watermark that names it.
			if (!chains.has(key) && name === '_watermark') {
				chains.set(key, new Chain(names.length ? names : null, row[2], row[4]));
				console.log(JSON.stringify(['joined', row[0], row[2], row[4]]));
			}
			const chain = chains.get(key);
			if (!chain) continue;
			chain.message(name === '_watermark' ? { name, fields: [...fields.slice(0, 5), [row]] } : message);
			for (const item of chain.out.splice(0)) console.log(JSON.stringify([row[0], ...item]));
		}
	}
}

const [first, ...rest] = process.argv.slice(2);
if (first.includes('://')) await live(first, rest);
else for (const file of [first, ...rest]) console.log(JSON.stringify(vector(file)));
