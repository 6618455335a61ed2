// @discordjs/ws with a handler that does nothing: the lines of counting.py.
//
// The gateway's authority comes by NODE_EXTRA_CA_CERTS, the packages from the folder in argv.
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';

const require = createRequire(`${process.argv[2]}/`);
const { REST } = require('@discordjs/rest');
const { CompressionMethod, WebSocketManager, WebSocketShardEvents } = require('@discordjs/ws');

const ALL_INTENTS = 53608447;
const COMPRESSION = { 'node zlib': CompressionMethod.ZlibNative, 'zlib-sync': CompressionMethod.ZlibSync };
const say = (message) => process.stdout.write(`${JSON.stringify(message)}\n`);

let manager = null;
for await (const line of createInterface({ input: process.stdin })) {
	const { api_url: api, compression, counts, sessions = null, token } = JSON.parse(line);
	const rest = new REST({ api, version: '10' }).setToken(token);
	let count = 0;
	manager = new WebSocketManager({
		token,
		intents: ALL_INTENTS,
		rest,
		compression: COMPRESSION[compression],
		shardCount: sessions,
	});
	manager.on(WebSocketShardEvents.Dispatch, ({ t }) => {
		if (t === 'READY') return;
		count += 1;
		if (counts.includes(count)) say({ count });
	});
	manager.on(WebSocketShardEvents.Error, (error) => console.error(error));
	manager.connect().then(() => say({ ready: true }));
}
await manager?.destroy();
process.exit(0);
