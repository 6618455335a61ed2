"""``python -m benchmarks.hubs``: what a batch costs the hubs, with one of them and with two.

Each hub is a process of its own, as all but a coordinator's first are. This process publishes to
all of them in turn, as workers in several slots do, and one socket that is connected to all takes
everything, so that no hub has to drop any. CPU is that of the hubs, user and system.
"""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

import click
import zmq

from benchmarks.children import ChildError, cpu_seconds
from cluster.config.coordinator_spec import CoordinatorSpec
from coordinator.children.hub import hub_spec
from coordinator.children.start import STOP_S, start_child

TOPIC: Final = b"MESSAGE_CREATE.0.\0"
EVENT_BYTES: Final = 600
SILENT_MS: Final = 10_000


class Load(NamedTuple):
    """What goes through the hubs."""

    label: str
    events: int
    """Events in a batch."""
    window: int
    """Batches that are under way at most."""
    batches: int


LOADS: Final = (
    Load("1 event, one after the other", 1, 1, 3_000),
    Load("1 event, 100 at a time", 1, 100, 60_000),
    Load("60 kB of 100 events, 100 at a time", 100, 100, 10_000),
)


def measure(
    load: Load, pids: Sequence[int], workers: Sequence[zmq.Socket[bytes]], reader: zmq.Socket[bytes]
) -> tuple[float, float]:
    """Return the microseconds of CPU that all hubs took for a batch, and batches a second.
    ChildError: a hub has dropped some, as it may where much is under way."""
    message = TOPIC + b"x" * (EVENT_BYTES * load.events)
    before, began = sum(map(cpu_seconds, pids)), time.perf_counter()
    sent = received = 0
    while received < load.batches:
        while sent < load.batches and sent - received < load.window:
            workers[sent % len(workers)].send(message, copy=False)
            sent += 1
        if not reader.poll(SILENT_MS):
            raise ChildError(f"{sent - received} of {sent} batches were dropped")
        reader.recv(copy=False)
        received += 1
    used = sum(map(cpu_seconds, pids)) - before
    return used / load.batches * 1e6, load.batches / (time.perf_counter() - began)


async def run(hubs: int, rounds: int) -> None:
    """Print a line for each load."""
    with tempfile.TemporaryDirectory(prefix="dcgw-") as name:
        folder = Path(name)
        (folder / "logs").mkdir()
        spec = CoordinatorSpec(
            name="x", state_dir=name, runtime_dir=name, token="t", intents=1, hubs=hubs + 1
        )
        paths = spec.paths
        numbers = range(1, hubs + 1)
        processes = []
        context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        try:
            for number in numbers:
                module, log = "coordinator.hub.process", paths.log(f"hub-{number}")
                data = hub_spec(spec, number, 1)
                processes.append((await start_child(f"hub {number}", module, data, log))[0])
            pids = [process.pid for process in processes]
            workers = [context.socket(zmq.XPUB) for _ in processes]
            reader = context.socket(zmq.SUB)
            reader.subscribe(b"")
            for number, worker in zip(numbers, workers, strict=True):
                reader.connect(paths.events_of(number))
                worker.connect(paths.hub_of(number))
                worker.recv()
                while not reader.poll(20):
                    worker.send(TOPIC)
            while reader.poll(200):
                reader.recv()
            for load in LOADS:
                found = [measure(load, pids, workers, reader) for _ in range(rounds)]
                us, rate = (statistics.median(column) for column in zip(*found, strict=True))
                costs = f"{us:.1f} µs a batch, {us / load.events:.2f} µs an event"
                print(f"{hubs} hubs, {load.label}: {costs}, {rate:,.0f} batches/s passed")
        finally:
            context.destroy(0)
            for process in processes:
                await process.stop(STOP_S)


@click.command()
@click.option("--rounds", default=5, show_default=True, help="Of which the medians are shown.")
def main(rounds: int) -> None:
    """Measure what a batch costs one hub, and two."""
    for hubs in (1, 2):
        asyncio.run(run(hubs, rounds))


if __name__ == "__main__":
    main()
