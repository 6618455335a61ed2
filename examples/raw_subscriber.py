"""A subscriber of another language's kind: ZeroMQ and msgpack, no package of dcgw-cluster.

    python raw_subscriber.py ipc:///run/user/1000/dcgw/mybot-1a2b3c4d/events MESSAGE_CREATE

Of a cluster with several hubs all endpoints are given, one after the other.

Prints a JSON line for each event, each break and each new session. The order is whole per shard and
name; a break says what to ask the replay server for, a new session that between it and the one
before events may have happened that nobody saw (docs/wire-protocol.md).
"""

import contextlib
import json
import sys
from collections.abc import Iterator
from typing import Any

import msgpack  # type: ignore[import-untyped]  # it carries no types
import zmq


def events(
    socket: zmq.Socket[bytes], last: dict[tuple[int, int, int, str], int]
) -> Iterator[tuple[Any, ...]]:
    """Yield ("event", name, shard, epoch, seq, data), ("break", name, shard, epoch, after, upto)
    and ("session", "_", shard, epoch, before). last: (shard, count, epoch, name) -> last seq."""
    began: dict[tuple[int, int], tuple[int, int]] = {}  # (shard, count) -> first and newest epoch
    while True:
        topic, _, payload = socket.recv().partition(b"\0")
        name, fields = topic.decode().rsplit(".", 2)[0], msgpack.unpackb(payload)
        if name.startswith("_") and name != "_epoch_end":
            continue
        shard, count, epoch, before = fields[2:6]
        first, newest = began.setdefault((shard, count), (epoch, epoch))
        if epoch > newest:
            began[shard, count] = first, epoch
            yield "session", "_", shard, epoch, before
        unseen = -1 if epoch > first else None  # None: it began before we came
        batches: list[tuple[str, int, list[tuple[int, bytes]]]]  # name, seq before it, events
        if name == "_epoch_end":  # of each name the last that there was
            batches = [(n, seq, []) for n, seq in fields[8] if (shard, count, epoch, n) in last]
        else:
            prev = fields[8] if isinstance(fields[8], int) else fields[8][0]
            batches = [(name, prev, fields[11])]
        for name, base, batch in batches:
            known = last.get((shard, count, epoch, name), unseen)
            if known is not None and base > known:
                yield "break", name, shard, epoch, known, base
            for seq, data in batch:
                if known is None or seq > known:
                    yield "event", name, shard, epoch, seq, data
            ends = [base, *(seq for seq, _ in batch)] + ([] if known is None else [known])
            last[shard, count, epoch, name] = max(ends)


def main(endpoints: list[str], names: list[str]) -> None:
    subscriber = zmq.Context().socket(zmq.SUB)
    for wanted in [f"{name}." for name in [*names, "_epoch_end"]] if names else [""]:
        subscriber.subscribe(wanted)
    for endpoint in endpoints:
        subscriber.connect(endpoint)
    for kind, name, shard, epoch, *rest in events(subscriber, {}):
        rest[-1] = json.loads(rest[-1]) if kind == "event" else rest[-1]
        print(json.dumps([kind, name, shard, epoch, *rest]), flush=True)


if __name__ == "__main__":
    if len(sys.argv) < 2 or "://" not in sys.argv[1]:
        sys.exit("usage: raw_subscriber.py ENDPOINT ... [EVENT ...]   (`dcgw-cluster status`)")
    given = [argument for argument in sys.argv[1:] if "://" in argument]
    with contextlib.suppress(KeyboardInterrupt):
        main(given, [argument for argument in sys.argv[1:] if argument not in given])
