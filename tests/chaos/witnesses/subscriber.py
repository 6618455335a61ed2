"""A bot, as far as the driver is concerned: a process with a Subscriber that reports what it gets.

Standard input: one line of JSON {events, replay, control, start, names, name}. Standard output:
frames of 4 bytes length and msgpack, {"joined": Unix time}, then again and again {"items": [...],
"saved": position}, as a bot saves its position with what it has done. SIGUSR1: handle nothing for
a while.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import signal
import struct
import sys
import time
from typing import Any, Final

import msgpack  # type: ignore[import-untyped]  # it carries no types

from cluster.subscriber import Event, Gap, Subscriber

REPORT_S: Final = 0.05
PAUSE_S: Final = 3.0


def plain(item: Event | Gap) -> list[Any]:
    """An item as tests.chaos.judgement.records.item_from_plain reads it."""
    if isinstance(item, Event):
        digest = hashlib.blake2b(item.data, digest_size=8).hexdigest()
        return [
            "event", item.shard_count, item.shard_id, item.epoch, item.seq, item.name,
            "" if item.name == "READY" else digest, item.received_ns,
        ]  # fmt: skip
    return [
        "gap", item.shard_count, item.shard_id, item.epoch, item.names, item.first, item.last,
        item.reason,
    ]  # fmt: skip


def write_frame(frame: dict[str, Any]) -> None:
    packed = msgpack.packb(frame)
    sys.stdout.buffer.write(struct.pack("<I", len(packed)) + packed)
    sys.stdout.buffer.flush()


async def run(spec: dict[str, Any]) -> None:
    items: list[list[Any]] = []
    paused = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGUSR1, paused.set)
    subscriber = Subscriber(
        spec["events"], spec["names"], start=spec["start"], replay=spec["replay"],
        control=spec["control"], name=spec["name"],
    )  # fmt: skip

    def report() -> None:
        write_frame({"items": items, "saved": subscriber.position})
        items.clear()
        loop.call_later(REPORT_S, report)

    async with subscriber:
        write_frame({"joined": time.time()})
        report()
        async for item in subscriber:
            if isinstance(item, Event | Gap):
                items.append(plain(item))
            if paused.is_set():
                paused.clear()
                await asyncio.sleep(PAUSE_S)


if __name__ == "__main__":
    asyncio.run(run(json.loads(sys.stdin.readline())))
