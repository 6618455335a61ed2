// A subscriber in Node: ZeroMQ and msgpack, no package of dcgw-cluster.
//
//     npm install zeromq @msgpack/msgpack
//     node subscriber.mjs ipc:///run/user/1000/dcgw/mybot-1a2b3c4d/events MESSAGE_CREATE
//
// Of a cluster with several hubs all endpoints are given, one after the other.
//
// Prints a JSON line for each event, each break and each new session, as raw_subscriber.py does. The
// order is whole per shard and name; a break says what to ask the replay server for, a new session
// that between it and the one before events may have happened that nobody saw
// (docs/wire-protocol.md).
import { decode } from '@msgpack/msgpack';
import { Subscriber } from 'zeromq';

const NUL = 0;

/** Yield ['event', name, shard, epoch, seq, data], ['break', name, shard, epoch, after, upto] and
 * ['session', '_', shard, epoch, before]. messages: frames, as they come. */
async function* events(messages) {
	const last = new Map(); // "shard/count/epoch/name" -> last seq
	const began = new Map(); // "shard/count" -> first and newest epoch
	for await (const [frame] of messages) {
		const end = frame.indexOf(NUL);
		const name = frame.toString('latin1', 0, end).split('.')[0];
		if (name.startsWith('_') && name !== '_epoch_end') continue;
		const fields = decode(frame.subarray(end + 1));
		if (fields[0] !== 1) throw new Error(`format ${fields[0]}: this reader knows 1`);
		const [, , shard, count, epoch, before] = fields;
		const place = (which) => `${shard}/${count}/${epoch}/${which}`;
		const [first, newest] = began.get(`${shard}/${count}`) ?? [epoch, epoch];
		began.set(`${shard}/${count}`, [first, Math.max(epoch, newest)]);
		if (epoch > newest) yield ['session', '_', shard, epoch, before];
		const unseen = epoch > first ? -1 : undefined; // undefined: it began before we came

		let batches; // [name, the seq before it, events]
		if (name === '_epoch_end') {
			// of each name the last that there was
			batches = fields[8].filter(([one]) => last.has(place(one))).map((row) => [...row, []]);
		} else {
			batches = [[name, [fields[8]].flat()[0], fields[11]]];
		}
		for (const [one, base, batch] of batches) {
			const known = last.get(place(one)) ?? unseen;
			if (base > known) yield ['break', one, shard, epoch, known, base];
			for (const [seq, data] of batch) {
				if (!(seq <= known)) yield ['event', one, shard, epoch, seq, JSON.parse(Buffer.from(data))];
			}
			last.set(place(one), Math.max(base, known ?? base, ...batch.map(([seq]) => seq)));
		}
	}
}

const endpoints = process.argv.slice(2).filter((one) => one.includes('://'));
const names = process.argv.slice(2).filter((one) => !one.includes('://'));
if (!endpoints.length) {
	console.error('usage: node subscriber.mjs ENDPOINT ... [EVENT ...]   (`dcgw-cluster status`)');
	process.exit(2);
}
process.stdout.on('error', () => process.exit()); // nobody reads it any more
const subscriber = new Subscriber();
subscriber.subscribe(...(names.length ? [...names, '_epoch_end'].map((name) => `${name}.`) : ['']));
for (const endpoint of endpoints) subscriber.connect(endpoint);
for await (const line of events(subscriber)) console.log(JSON.stringify(line));
