"""A run of real rates, from an empty table to a full one."""

from __future__ import annotations

import platform
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from benchmarks import recording
from benchmarks.children import Child, child
from benchmarks.real_rates.options import RateOptions
from benchmarks.real_rates.rounds import Rounds
from benchmarks.real_rates.rows import Values, declared
from benchmarks.real_rates.steps import frames_needed
from benchmarks.real_rates.system_calls import find_tracer
from benchmarks.results import Results, machine
from cluster.own_process import raise_descriptor_limit


async def run(options: RateOptions, folder: Path, say: Callable[[str], None]) -> Results:
    """Measure everything. folder: of the recording. Raises ChildError."""
    raise_descriptor_limit()  # of the processes that are started, too: a session takes one
    say("what can count system calls here")
    tracer = await find_tracer()
    say("the stream, made once")
    rows = declared(options)
    values = Values(rows)
    async with paced_gateway(frames_needed(options), folder) as (gateway, addresses):
        rounds = Rounds(options, gateway, addresses, values, tracer, say)
        for number in range(1, options.rounds + 1):
            await rounds.round(number)
    values.compare()
    counted = "not counted" if tracer is None else f"counted by {tracer.name}"
    stream = (
        f"real rates: each event alone, {options.seconds:g} s of each load, {options.rounds} "
        f"rounds; system calls {counted}"
    )
    results = Results(machine(), platform.python_version(), stream, rows, base="bare")
    results.compare()
    return results


@asynccontextmanager
async def paced_gateway(
    events: int, folder: Path
) -> AsyncIterator[tuple[Child, Mapping[str, Any]]]:
    """Run a gateway that plays a recording of so many events to the moment. Yield it and its
    addresses."""
    recording.load(events, folder=folder)
    command = [sys.executable, "-m", "benchmarks.real_rates.gateway"]
    settings = {"events": events, "folder": str(folder)}
    async with child("the gateway", command, settings) as gateway:
        yield gateway, await gateway.line()
