"""A subscriber of another language's kind: ZeroMQ and msgpack, no package of dcgw-cluster.

    python raw_subscriber.py ipc:///run/user/1000/dcgw/mybot-1a2b3c4d/events MESSAGE_CREATE

Prints a JSON line for each event, and one for each break of the chain. The order is whole per
shard and name; a break says what has to be asked of the replay server (docs/wire-protocol.md).
"""

import json
import sys

import msgpack
import zmq


def events(socket, last):
    """Yield ("event", ...) and ("break", ...) tuples; last: (shard, epoch, name) -> last seq."""
    while True:
        topic, _, payload = socket.recv().partition(b"\0")
        name = topic.decode().rsplit(".", 2)[0]
        if name.startswith("_"):
            continue
        fields = msgpack.unpackb(payload)
        shard, count, epoch = fields[2:5]
        prev, batch = fields[8], fields[11]
        base = prev if isinstance(prev, int) else prev[0]
        known = last.get((shard, count, epoch, name))
        if known is not None and base > known:
            yield "break", name, shard, epoch, known, base
        for seq, data in batch:
            if known is None or seq > known:
                yield "event", name, shard, epoch, seq, data
        last[shard, count, epoch, name] = max(batch[-1][0], -1 if known is None else known)


if __name__ == "__main__":
    subscriber = zmq.Context().socket(zmq.SUB)
    for wanted in sys.argv[2:] or [""]:
        subscriber.subscribe(f"{wanted}." if wanted else "")
    subscriber.connect(sys.argv[1])
    for kind, name, shard, epoch, *rest in events(subscriber, {}):
        rest[-1] = json.loads(rest[-1]) if kind == "event" else rest[-1]
        print(json.dumps([kind, name, shard, epoch, *rest]), flush=True)
