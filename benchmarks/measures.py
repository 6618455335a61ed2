"""What is measured: each function is one measurement, of processes of its own."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

from benchmarks import recording
from benchmarks.children import Child, ChildError, child, cpu_seconds, rss_bytes
from benchmarks.worker import MIB, worker

SETTLE_S: Final = 1.5
"""Seconds until what a start has left to do is done."""


class Bench(NamedTuple):
    """A running gateway, and what it plays."""

    gateway: Child
    addresses: Mapping[str, Any]
    """The gateway's url, api_url and ca_file."""
    stream: recording.Recording
    folder: Path


@asynccontextmanager
async def bench(events: int, folder: Path = recording.FOLDER) -> AsyncIterator[Bench]:
    """Run a gateway that plays ``events``."""
    stream = recording.load(events, folder=folder)
    settings = {"events": events, "folder": str(folder)}
    command = [sys.executable, "-m", "benchmarks.gateway"]
    async with child("the gateway", command, settings) as gateway:
        yield Bench(gateway, await gateway.line(), stream, folder)


async def floor(bench: Bench, first: int, last: int) -> float:
    """Return the CPU microseconds an event of inflating and scanning, in a bare loop."""
    settings = {
        "folder": str(bench.folder), "events": bench.stream.events, "first": first, "last": last,
    }  # fmt: skip
    command = [sys.executable, "-m", "benchmarks.floor"]
    async with child("the floor", command, settings) as process:
        us: float = (await process.line())["us"]
        return us


async def throughput(bench: Bench, warm: int, events: int, journal_bytes: int) -> float:
    """Return the worker's CPU microseconds an event, from socket to hub. Raises ChildError if not
    every event came out as it went in."""
    async with worker(bench.addresses, journal_bytes=journal_bytes) as running:
        await bench.gateway.ask("play", shard=0, first=0, last=warm)
        await running.out(recording.FIRST_SEQ + warm - 1)
        running.arrived()
        before = cpu_seconds(running.pid)
        await bench.gateway.ask("play", shard=0, first=warm, last=warm + events)
        await running.out(recording.FIRST_SEQ + warm + events - 1)
        used = cpu_seconds(running.pid) - before
        count, digest = running.arrived()
    if (count, digest) != (events, bench.stream.digest(warm, warm + events)):
        raise ChildError(f"{count} events came out of {events}, or others than went in")
    return used / events * 1e6


async def memory(bench: Bench, sessions: int) -> float:
    """Return the resident MB of a worker with this many idle sessions."""
    async with worker(bench.addresses, shards=sessions) as running:
        await asyncio.sleep(SETTLE_S)
        return rss_bytes(running.pid) / 1e6


async def flood(bench: Bench, quiet: int, events: int) -> tuple[list[float], list[float]]:
    """Run one shard at full speed among quiet ones. Return milliseconds from the request for a
    heartbeat to the heartbeat as the gateway sees it, and from heartbeat to acknowledgement as the
    worker reports it."""
    reported: list[float] = []
    async with worker(bench.addresses, shards=1 + quiet, journal_bytes=48 * MIB) as running:
        order = asyncio.create_task(bench.gateway.ask("flood", events=events))
        while not order.done():
            await asyncio.wait({order}, timeout=1.0)
            reported += [
                report.heartbeat_ms
                for shard, report in running.reports.items()
                if shard and report.heartbeat_ms is not None
            ]
        await running.out_of(0, recording.FIRST_SEQ + events - 1)
        if running.arrived()[0] != events:
            raise ChildError("events of the flood are missing")
    return order.result()["latencies"], reported
