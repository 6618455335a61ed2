"""A run: every row once a round, one after the other, so that all meet the same machine."""

from __future__ import annotations

import platform
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

import msgspec

from benchmarks import delivery, libraries, measures, recording
from benchmarks.measures import Bench
from benchmarks.results import FLOOR, WORKER, Results, Row, machine, quantile
from benchmarks.worker import MIB

GROWING_OF_FLOOR, REUSED_OF_FLOOR = 2.0, 1.6
MAX_SESSION_MB: Final = 0.25
MAX_BEAT_MS: Final = 100.0
QUIET_SESSIONS: Final = 20
HUB_OF_WORKER, SUBSCRIBER_OF_WORKER = 8, 3
"""The worker's cost divided by these is the aim."""
MIN_REPLAY: Final = 50_000.0
REPLAY_DRAINS: Final = (1, 8, 128)
FLOOD_PER_SECOND: Final = 100_000
REUSED_BYTES: Final = 400
"""Journal bytes an event, with which the events that are measured fill the journal more than once:
an event takes some 600."""

Say = Callable[[str], None]


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """How much is measured."""

    rounds: int = 3
    events: int = 100_000
    seconds: float = 10.0
    sessions: int = 200
    folder: Path = recording.FOLDER

    @property
    def warm(self) -> int:
        """Events before those that are measured: imports are done, code is compiled."""
        return self.events // 5 // recording.SEGMENT * recording.SEGMENT


async def run(options: Options, say: Say) -> Results:
    """Measure everything. Raises ChildError."""
    events = options.events
    say(f"the stream: {2 * events:,} events, made once")
    async with measures.bench(2 * events, options.folder) as bench:
        stream = (
            f"{events:,} events of one shard, {bench.stream.json_bytes:.0f} B of JSON and "
            f"{bench.stream.compressed_bytes:.0f} B compressed on average; {options.rounds} rounds"
        )
        rows = await _events(options, bench, say)
        rows += await _replay(options, bench, say)
        rows += await _memory(options, bench, say)
        rows += await _flood(options, bench, say)
    results = Results(machine(), platform.python_version(), stream, rows)
    results.compare()
    return results


async def _events(options: Options, bench: Bench, say: Say) -> list[Row]:
    warm, events = options.warm, options.events
    measured: list[tuple[Row, Callable[[], Awaitable[float]]]] = [
        (Row(FLOOR, "µs"), lambda: measures.floor(bench, warm, warm + events)),
        (
            Row("worker, journal growing", "µs", aim_of_base=GROWING_OF_FLOOR),
            lambda: measures.throughput(bench, warm, events, 256 * MIB),
        ),
        (
            Row(WORKER, "µs", aim_of_base=REUSED_OF_FLOOR),
            lambda: measures.throughput(bench, events, events, max(MIB, events * REUSED_BYTES)),
        ),
    ]
    rows = [row for row, _ in measured]
    hub = Row("hub, a subscriber", "µs", aim_of_worker=HUB_OF_WORKER)
    subscriber = Row("Subscriber", "µs", aim_of_worker=SUBSCRIBER_OF_WORKER)
    rows += [hub, subscriber]
    for library in libraries.LIBRARIES:
        row = Row(library.label, "µs", missing=library.missing)
        rows.append(row)
        if not library.missing:
            measured.append((row, _library(bench, library, options)))
    for number in range(1, options.rounds + 1):
        for row, measure in measured:
            say(f"round {number} of {options.rounds}: {row.name}")
            row.values.append(await measure())
        say(f"round {number} of {options.rounds}: delivery")
        cost = await delivery.live(bench, events)
        hub.values.append(cost.hub)
        subscriber.values.append(cost.subscriber)
    return rows


async def _replay(options: Options, bench: Bench, say: Say) -> list[Row]:
    rows = []
    for drain in REPLAY_DRAINS:
        say(f"replay, drains of {drain}")
        rate = await delivery.replayed(bench, options.events, drain)
        rows.append(Row(f"replay, drains of {drain}", "/s", [rate], at_least=MIN_REPLAY))
    return rows


def _library(
    bench: Bench, library: libraries.Library, options: Options
) -> Callable[[], Awaitable[float]]:
    async def measure() -> float:
        return await libraries.microseconds(
            library, bench.gateway, bench.addresses, options.warm, options.events
        )

    return measure


async def _memory(options: Options, bench: Bench, say: Say) -> list[Row]:
    one, session = (
        Row("worker, 1 idle session", "MB"),
        Row("each further session", "MB", aim=MAX_SESSION_MB),
    )
    for number in range(1, options.rounds + 1):
        say(f"round {number} of {options.rounds}: {options.sessions} idle sessions")
        few = await measures.memory(bench, 1)
        many = await measures.memory(bench, options.sessions)
        one.values.append(few)
        session.values.append((many - few) / (options.sessions - 1))
    return [one, session]


async def _flood(options: Options, bench: Bench, say: Say) -> list[Row]:
    events = int(FLOOD_PER_SECOND * options.seconds) // recording.SEGMENT * recording.SEGMENT
    say(f"a flood of {events:,} events among {QUIET_SESSIONS} quiet sessions")
    latencies, reported = (sorted(ms) for ms in await measures.flood(bench, QUIET_SESSIONS, events))
    return [
        Row("beats in a flood, p50", "ms", _quantile(latencies, 0.5)),
        Row("beats in a flood, p99", "ms", _quantile(latencies, 0.99), aim=MAX_BEAT_MS),
        Row("beats in a flood, reported, p99", "ms", _quantile(reported, 0.99), aim=MAX_BEAT_MS),
    ]


def _quantile(values: list[float], part: float) -> list[float]:
    """Return a quantile of sorted values, as the values of a row; empty: there are none."""
    return [quantile(values, part)] if values else []
