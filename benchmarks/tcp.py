"""``python -m benchmarks.tcp``: what an event costs over TCP with CURVE, beside a local socket.

One stream, published once, goes to two Subscribers at the same time, one on the hub's local socket
and one through the TCP gate, each a process of its own. CPU is that of the process, user and
system, and the delay is from the publisher to the consumer.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Final, NamedTuple

import click
import msgspec
import zmq
from rich.console import Console
from rich.table import Table

from benchmarks.children import Child, child, cpu_seconds
from cluster.endpoints.curve_keys import KeyFolder, encode
from cluster.subscriber import Event, Subscriber
from cluster.wire import watermark
from cluster.wire.batch_writer import ShardWriter
from cluster.wire.shard_state import ShardState

STORE: Final = "0123456789abcdef"
NAME: Final = "MESSAGE_CREATE"
END: Final = "END"
"""The name that ends the stream; no event of Discord's has it."""
ENDPOINTS: Final = ("events", "replay", "control")
BEGIN_AFTER_S: Final = 2.0
MARK_EVERY_S: Final = 0.2


class Load(NamedTuple):
    """The pace of the events."""

    label: str
    drain: int
    """Events in a batch."""
    rate: float
    """Events a second."""


LOADS: Final = (Load("1 event a message", 1, 2_000), Load("64 events a message", 64, 40_000))


async def publish(load: Load, seconds: float, size: int, hub: zmq.Socket[bytes]) -> int:
    """Publish at this pace, and then END. Returns how many events were published."""
    body = b'{"content":"' + b"x" * (size - 14) + b'"}'
    writer = ShardWriter(STORE, ShardState(shard_id=0, shard_count=1))
    writer.begin_epoch(1)
    began, mark_at, sent = time.monotonic() + BEGIN_AFTER_S, 0.0, 0

    def drain(name: str, count: int) -> None:
        seq = writer.state.seq + 1
        events = [(name, seq + number, body) for number in range(count)]
        for message in writer.drain(events, time.time_ns()):
            hub.send(message)

    def mark() -> None:
        state = writer.state
        row = watermark.Row(0, 1, 1, None, state.seq, -1, list(state.last.items()))
        hub.send(watermark.encode(STORE, 0, time.time_ns(), True, [row]))

    while (now := time.monotonic()) < began + seconds:
        while sent < (now - began) * load.rate:
            drain(NAME, load.drain)
            sent += load.drain
        if now >= mark_at:  # before the first event too: a subscriber joins by them
            mark_at = now + MARK_EVERY_S
            mark()
        await asyncio.sleep(0.001)
    drain(END, 1)
    mark()
    return sent


async def subscribe(options: dict[str, Any]) -> dict[str, Any]:
    """Be a Subscriber, and return what the events cost from the first to the last."""
    delays: list[float] = []
    began = 0.0
    async with Subscriber(options["endpoint"], keys=options["keys"]) as items:
        async for item in items:
            if not isinstance(item, Event) or item.name == END:
                break
            if not delays:
                began = time.process_time()
            delays.append((time.time_ns() - item.received_ns) / 1e6)
        cpu = time.process_time() - began
    assert isinstance(item, Event), item
    quantiles = statistics.quantiles(delays, n=100)
    return {"events": len(delays), "cpu": cpu, "p50": quantiles[49], "p99": quantiles[98]}


def start_tcp_gate(folder: Path, port: int) -> tuple[subprocess.Popen[bytes], Path]:
    """Start the TCP gate before the hub's socket in the folder. Returns it, and the key file of its
    client."""
    keys = KeyFolder(folder / "keys")
    made = keys.add("bench", (), now=0)
    outside = f"tcp://127.0.0.1:{port}"
    file = folder / "bench.key"
    file.write_bytes(encode(msgspec.structs.replace(made, events=outside)))
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "coordinator.tcp_gate.gate"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    inside = {name: f"ipc://{folder}/{name}" for name in ENDPOINTS}
    spec = {"keys": str(keys.folder), "inside": inside, "outside": {"events": outside}}
    process.stdin.write(json.dumps(spec | {"parent": os.getpid()}).encode())
    process.stdin.close()
    assert b"ready" in process.stdout.readline()
    return process, file


async def measure(load: Load, seconds: float, size: int, port: int) -> list[list[str]]:
    """Measure one load, and return its rows of the table."""
    with tempfile.TemporaryDirectory(prefix="dcgw-") as name:
        folder = Path(name)
        context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        hub = context.socket(zmq.PUB)
        hub.setsockopt(zmq.SNDHWM, 100_000)
        hub.bind(f"ipc://{folder}/events")
        tcp_gate, file = start_tcp_gate(folder, port)
        try:
            async with AsyncExitStack() as stack:
                children: dict[str, Child] = {}
                for label, endpoint, keys in (
                    ("local socket", f"ipc://{folder}/events", None),
                    ("TCP, CURVE", None, str(file)),
                ):
                    children[label] = await stack.enter_async_context(
                        child(
                            label,
                            [sys.executable, "-m", "benchmarks.tcp", "--child"],
                            {"endpoint": endpoint, "keys": keys},
                        )
                    )
                before = cpu_seconds(tcp_gate.pid)
                sent = await publish(load, seconds, size, hub)
                results = {label: await one.line() for label, one in children.items()}
                spent = cpu_seconds(tcp_gate.pid) - before
        finally:
            tcp_gate.terminate()
            tcp_gate.wait()
            context.destroy(0)
    rows = []
    for label, result in results.items():
        assert result["events"] == sent, f"{label}: {result['events']} of {sent} came"
        cost = f"{result['cpu'] / sent * 1e6:.2f} µs"
        rows.append(
            [load.label, f"Subscriber, {label}", cost, f"{result['p50']:.2f} ms",
             f"{result['p99']:.2f} ms"]
        )  # fmt: skip
    rows.append([load.label, "the TCP gate", f"{spent / sent * 1e6:.2f} µs", "", ""])
    return rows


@click.command()
@click.option("--seconds", default=5.0, show_default=True, type=click.FloatRange(1))
@click.option("--bytes", "size", default=600, show_default=True, type=click.IntRange(20),
              help="Size of an event's JSON.")  # fmt: skip
@click.option("--port", default=7399, show_default=True, help="Port of the TCP gate, on loopback.")
@click.option("--child", "is_child", is_flag=True, hidden=True)
def main(seconds: float, size: int, port: int, is_child: bool) -> None:
    """Measure what an event costs over TCP with CURVE, beside a local socket, in one run."""
    if is_child:
        options = json.loads(sys.stdin.readline())
        print(json.dumps(asyncio.run(subscribe(options))), flush=True)
        return
    table = Table(box=None, padding=(0, 2))
    for heading in ("load", "process", "CPU an event", "delay, p50", "p99"):
        table.add_column(heading, no_wrap=True)
    for load in LOADS:
        for row in asyncio.run(measure(load, seconds, size, port)):
            table.add_row(*row)
    Console(width=100).print(table)


if __name__ == "__main__":
    main()
