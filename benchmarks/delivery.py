"""What delivery costs: the hub, a Subscriber, and a Subscriber that replays from the journal.

The recording's events, made to the batches that a worker would make of them, go through the real
hub in a process of its own to Subscribers in processes of their own; or they are in a journal, and
the real replay server answers. ``python -m benchmarks.delivery`` is such a child: its settings are
a line of JSON.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
import zlib
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec
import zmq

from benchmarks import recording
from benchmarks.children import Child, ChildError, child, cpu_seconds, say
from benchmarks.measures import Bench
from cluster.journal import Journal
from cluster.subscriber import Event, Subscriber
from cluster.wire import watermark
from cluster.wire.batch_writer import ShardWriter
from cluster.wire.shard_state import ShardState
from coordinator.hub.hub import Hub
from coordinator.replay.server import ReplaySpec

STORE: Final = "0123456789abcdef"
DRAIN: Final = 512
"""Events in a drain of a worker under load."""
SUBSCRIBERS: Final = 2
JOURNAL_BYTES: Final = 192 * 1024 * 1024
NO_DROPS: Final = 100_000
"""High-water mark of the hub here: what a busy machine dropped would be replayed, and the
measurement would be of that."""

_Drain = list[tuple[str, int, bytes]]


class Cost(NamedTuple):
    """CPU microseconds an event."""

    hub: float
    """The hub's for each of its subscribers."""
    subscriber: float


def events(stream: recording.Recording, count: int) -> Iterator[tuple[str, int, bytes]]:
    """Yield (name, seq, d) of the recording's first events."""
    for segment in stream.segments[: count // recording.SEGMENT]:
        inflate = zlib.decompressobj(-15)
        for payload in recording.payloads(segment.frames):
            text = inflate.decompress(payload)
            head, _, rest = text.partition(b',"op":0,"d":')
            name, _, seq = head[6:].partition(b'","s":')
            yield name.decode(), int(seq) - recording.FIRST_SEQ, rest[:-1]


def drains(stream: recording.Recording, count: int, size: int) -> Iterator[_Drain]:
    """Yield the recording's first events in drains."""
    drain: _Drain = []
    for event in events(stream, count):
        drain.append(event)
        if len(drain) == size:
            yield drain
            drain = []
    if drain:
        yield drain


def new_writer() -> ShardWriter:
    """Return the writer of a shard's batches, in its first epoch."""
    writer = ShardWriter(STORE, ShardState(shard_id=0, shard_count=1))
    writer.begin_epoch(1)
    return writer


def first_watermark() -> bytes:
    """Return a watermark of a shard that begins."""
    row = watermark.Row(0, 1, 1, None, -1, -1, [])
    return watermark.encode(STORE, 0, time.time_ns(), True, [row])


async def live(bench: Bench, count: int) -> Cost:
    """Measure events through the hub to SUBSCRIBERS that take all. Raises ChildError if one missed
    some."""
    writer = new_writer()
    messages = [
        message
        for drain in drains(bench.stream, count, DRAIN)
        for message in writer.drain(drain, 1)
    ]
    async with AsyncExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="dcgw-"))
        workers, subscribers = f"ipc://{folder}/hub", f"ipc://{folder}/events"
        hub = await stack.enter_async_context(_child("hub", workers=workers, events=subscribers))
        await hub.line()
        context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        stack.callback(context.destroy, 0)
        publisher = context.socket(zmq.XPUB)
        publisher.setsockopt(zmq.XPUB_NODROP, 1)
        publisher.connect(workers)
        publisher.recv()
        readers = [
            await stack.enter_async_context(_child("subscriber", endpoint=subscribers, count=count))
            for _ in range(SUBSCRIBERS)
        ]
        async with _watermarks(publisher):
            for reader in readers:
                await reader.line()
        before = [cpu_seconds(one.pid) for one in (hub, *readers)]
        await asyncio.to_thread(lambda: [publisher.send(message) for message in messages])
        for reader in readers:
            await _all_came(reader)
        used = [
            (cpu_seconds(one.pid) - began) / count * 1e6
            for one, began in zip((hub, *readers), before, strict=True)
        ]
    return Cost(used[0] / SUBSCRIBERS, sum(used[1:]) / SUBSCRIBERS)


async def replayed(bench: Bench, count: int, drain: int) -> float:
    """Return how many events a second a Subscriber replays that begins at the oldest, from its
    first question on."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="dcgw-")))
        journal = Journal.open(
            folder / "journal" / "slot-0", budget_bytes=JOURNAL_BYTES, slot=0, cluster=STORE,
            boot_id="benchmark",
        )  # fmt: skip
        stack.callback(journal.close)
        writer = new_writer()
        for events_of_drain in drains(bench.stream, count, drain):
            journal.append(0, writer.drain(events_of_drain, 1), writer.state)
            journal.flush()
        live_endpoint, replay = f"ipc://{folder}/events", f"ipc://{folder}/replay"
        spec = ReplaySpec(
            endpoint=replay, journals=str(folder / "journal"), cluster=STORE, parent=os.getpid()
        )
        server = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "coordinator.replay.server",
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        stack.push_async_callback(server.wait)
        stack.callback(server.terminate)
        assert server.stdin is not None
        assert server.stdout is not None
        server.stdin.write(msgspec.json.encode(spec))
        server.stdin.close()
        await server.stdout.readline()
        context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        stack.callback(context.destroy, 0)
        publisher = context.socket(zmq.PUB)
        publisher.bind(live_endpoint)
        reader = await stack.enter_async_context(
            _child("subscriber", endpoint=live_endpoint, replay=replay, start="oldest", count=count)
        )
        async with _watermarks(publisher):
            await reader.line()
            return count / float((await _all_came(reader))["seconds"])


async def _all_came(reader: Child) -> dict[str, Any]:
    """Wait until a subscriber has all events, and return its answer. Raises ChildError if it missed
    some."""
    answer = await reader.line()
    if answer.get("missed"):
        raise ChildError(f"a Subscriber missed events: {answer['missed']}")
    return answer


@asynccontextmanager
async def _watermarks(publisher: zmq.Socket[bytes]) -> AsyncIterator[None]:
    """Send watermarks all the while: a Subscriber joins by them."""

    async def send() -> None:
        while True:
            publisher.send(first_watermark())
            await asyncio.sleep(0.02)

    task = asyncio.create_task(send())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def _child(role: str, **settings: Any) -> Any:
    command = [sys.executable, "-m", "benchmarks.delivery"]
    return child(f"the {role}", command, {"role": role, **settings})


# -- the children ------------------------------------------------------------------------------


def be_hub(workers: str, events: str) -> None:
    """Be a hub between these endpoints, until standard input ends."""
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    hub = Hub(
        context, workers_endpoint=workers, subscribers_endpoint=events, subscriber_hwm=NO_DROPS
    )
    say({"ready": True})
    sys.stdin.read()
    hub.close()
    context.destroy(0)


async def be_subscriber(
    endpoint: str, count: int, replay: str | None = None, start: str = "now"
) -> None:
    """Be a Subscriber that counts events, and does nothing else."""
    left, missed = count, []
    async with Subscriber(endpoint, replay=replay, start=start) as subscriber:
        say({"joined": True})
        began = time.perf_counter()
        async for item in subscriber:
            if isinstance(item, Event):
                left -= 1
                if not left:
                    break
            else:
                missed.append(repr(item))
                break
        seconds = time.perf_counter() - began
        say({"seconds": seconds, "missed": missed})
    sys.stdin.read()


def main() -> None:
    settings = msgspec.json.decode(sys.stdin.readline())
    if settings.pop("role") == "hub":
        be_hub(**settings)
    else:
        asyncio.run(be_subscriber(**settings))


if __name__ == "__main__":
    main()
