"""What an event costs a worker is bounded: who doubles it is told so here, not by a benchmark.

What is counted does not depend on how fast the machine is, and hardly on what else it does: the
calls of functions in the main thread, and system calls where a program may count them. On a busy
machine more events come in one turn, which takes fewer of both for each; alone, so that what a turn
should share is seen not to be.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

import msgspec
import pytest

from benchmarks.children import Child
from benchmarks.real_rates.pacing import Load
from benchmarks.real_rates.run import paced_gateway
from benchmarks.real_rates.system_calls import Counting, Tracer, find_tracer
from benchmarks.recording import FIRST_SEQ
from benchmarks.worker import MeasuredWorker, worker

LOAD: Final = Load(200, 20)
LOAD_EVENTS: Final = LOAD.events(0.75)
FLOOD_EVENTS: Final = 2500
TIMES: Final = 2
"""Both are met once while calls are counted, and once while system calls are."""
SHOWN: Final = 25
TRANSACTION: Final = "<method 'begin' of 'Environment' objects>"
"""One a turn, for all shards that received something."""

MOST: Final = {
    "the load": {"calls": 180.0, "transactions": 0.35, "system calls": 6.5},
    "the flood": {"calls": 11.0, "transactions": 0.02, "system calls": 0.13},
}
"""For one event. Counted were, on a busy machine, 119 calls, 0.015 transactions and 3.2 system
calls (7.4, 0.002 and 0.064 in the flood). Where no turn is followed by a rest the load takes 0.94
transactions an event."""

Happening = Callable[[int], Awaitable[int]]
"""Lets events come for the first or second time, and returns how many did, once all have."""


def load(running: MeasuredWorker, gateway: Child) -> Happening:
    """Events for 200 sessions, each alone."""

    async def happen(number: int) -> int:
        await gateway.ask(
            "pace",
            sessions=LOAD.sessions,
            rate=LOAD.rate,
            poisson=False,
            events=LOAD_EVENTS,
            seed=1,
        )
        each = LOAD_EVENTS // LOAD.sessions
        for shard in range(LOAD.sessions):
            await running.out_of(shard, FIRST_SEQ + (number + 1) * each - 1)
        return LOAD_EVENTS

    return happen


def flood(running: MeasuredWorker, gateway: Child) -> Happening:
    """Events at full speed for one session more."""

    async def happen(number: int) -> int:
        first, last = number * FLOOD_EVENTS, (number + 1) * FLOOD_EVENTS
        await gateway.ask("play", shard=LOAD.sessions, first=first, last=last)
        await running.out_of(LOAD.sessions, FIRST_SEQ + last - 1)
        return FLOOD_EVENTS

    return happen


def taken(file: Path) -> dict[str, int] | None:
    """Return what a worker has written, and remove it; None: it has not."""
    if not file.exists():
        return None
    content = file.read_bytes()
    file.unlink()
    return msgspec.json.decode(content, type=dict[str, int])


async def calls(running: MeasuredWorker, file: Path, happening: Happening) -> dict[str, float]:
    """Return the calls for an event, by function."""
    os.kill(running.pid, signal.SIGUSR1)
    events = await happening(0)
    os.kill(running.pid, signal.SIGUSR2)
    while (found := taken(file)) is None:  # noqa: ASYNC110  # it tells by a file
        await asyncio.sleep(0.01)
    return {name: count / events for name, count in found.items()}


async def system_calls(
    running: MeasuredWorker, file: Path, tracer: Tracer, happening: Happening
) -> float:
    """Return the system calls for an event."""
    counting = Counting(tracer, running.pid, file)
    await counting.begin()
    events = await happening(1)
    count = await counting.end()
    assert count is not None
    return count / events


@pytest.mark.alone
def test_what_an_event_costs_is_bounded(tmp_path: Path) -> None:
    async def main() -> tuple[dict[str, dict[str, float]], str]:
        tracer = await find_tracer()
        file = tmp_path / "calls.json"
        command = ["-m", "tests.benchmarks.counted_worker", str(file)]
        found: dict[str, dict[str, float]] = {}
        functions = ""
        async with (
            paced_gateway(TIMES * FLOOD_EVENTS, tmp_path) as (gateway, addresses),
            worker(addresses, shards=LOAD.sessions + 1, command=command) as running,
        ):
            for name, happening in (
                ("the load", load(running, gateway)),
                ("the flood", flood(running, gateway)),
            ):
                by_function = await calls(running, file, happening)
                found[name] = {
                    "calls": sum(by_function.values()),
                    "transactions": by_function[TRANSACTION],
                }
                functions += f"{name}: {Counter(by_function).most_common(SHOWN)}\n"
                if tracer is not None:
                    out = tmp_path / "system_calls"
                    each = await system_calls(running, out, tracer, happening)
                    found[name]["system calls"] = each
            times = TIMES if tracer is not None else 1
            assert running.arrived()[0] == times * (LOAD_EVENTS + FLOOD_EVENTS)
        return found, functions

    found, functions = asyncio.run(main())
    dear = {
        (name, what): count
        for name, counts in found.items()
        for what, count in counts.items()
        if count > MOST[name][what]
    }
    assert not dear, f"{dear} for one event, of at most {MOST}\n{functions}"
