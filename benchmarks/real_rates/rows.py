"""The rows of the table of real rates: which there are, in order, and what is compared."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from benchmarks.real_rates.clients import (
    AT_ONCE,
    BARE,
    CLIENTS,
    HUB,
    OURS,
    OURS_AT_ONCE,
    PEERS,
    SUBSCRIBER,
    WORKER,
    ClientKind,
)
from benchmarks.real_rates.options import (
    AIMS,
    COORDINATOR_PERCENT,
    HUB_OF_WORKER,
    IDLE_MS,
    LATENCY_AT_ONCE_MS,
    LATENCY_MS,
    READY_OF_LEAST,
    STATUS_MS,
    SUBSCRIBER_OF_WORKER,
    WATCHED_PERCENT,
    RateOptions,
)
from benchmarks.real_rates.pacing import Load
from benchmarks.real_rates.readings import LIBZMQ, MAIN, OTHERS
from benchmarks.results import Row, ratios, under

QUANTILES: Final = (0.5, 0.99, 0.999)
LATE, LATE_US = "gateway late, p99", 60.0
"""How exactly the gateway kept its schedule, in microseconds; what comes later comes in groups."""
CALLS, SWITCHES = "system calls", "context switches"
MEMORY: Final = "memory a session"
IDLE_CLIENTS: Final = tuple(client for client in CLIENTS if client is not OURS_AT_ONCE)
"""While nothing comes, there is nothing to be handed on at once."""
IDLE, GROWTH, COORDINATOR = "idle", "growth", "coordinator"
WATCHED, HTTP = "a page open", "HTTP server"
READY: Final = "ready, over the limiter's least"
NO_PROC: Final = "no /proc here"
NO_TRACER: Final = "neither perf nor strace can count here"


def over(what: str, other: str) -> str:
    """Return the name of the ratio of one thing to another."""
    return f"{what} over {other}"


def declared(options: RateOptions) -> list[Row]:
    """Return all rows in their order, without values. No load is among both those of all clients
    and those of the latency."""
    return list(_all(options))


def _all(options: RateOptions) -> Iterator[Row]:
    for load in options.loads:
        yield from _load(load, options)
    for load in options.latency:
        yield from _latency(OURS, load)
        yield from _latency(OURS_AT_ONCE, load)
    yield from _growth(options.growth)
    yield from _idle(options.idle)
    for shards in options.coordinated:
        yield _row(
            COORDINATOR, f"{shards:,} shards", "% of a core", aim=COORDINATOR_PERCENT.get(shards)
        )
        yield _row(COORDINATOR, f"status, {shards:,} shards", "ms", aim=STATUS_MS.get(shards))
        watched = f"{shards:,} shards, {WATCHED}"
        yield _row(COORDINATOR, watched, "% of a core", aim=WATCHED_PERCENT.get(shards))
        yield _row(COORDINATOR, f"{watched}, {HTTP}", "% of a core")
    if options.ready is not None:
        yield _row(
            COORDINATOR, f"{options.ready[0]} shards {READY}", "%", aim=_percent(READY_OF_LEAST)
        )


def _row(group: str, what: str, unit: str, *, base: str = "", aim: float | None = None) -> Row:
    """Return a row. base: what in the group it is compared with; empty: nothing."""
    name = under(group, what)
    return Row(name, unit, base=base and under(group, base), aim=aim, group=group)


def _percent(part: float | None) -> float | None:
    return None if part is None else part * 100


def _load(load: Load, options: RateOptions) -> Iterator[Row]:
    group, aims = load.label, AIMS.get(load.label)
    worker = _row(group, WORKER, "µs", base=BARE)
    worker.aim_of_base = aims.bare if aims else None
    yield worker
    yield from _way(group)
    for client in CLIENTS[1:]:
        peer = _row(group, client.label, "µs", base=BARE)
        peer.missing = client.missing
        yield peer
    for library in PEERS:
        aim = aims.peers.get(library.label) if aims else None
        yield _row(group, over(WORKER, library.label), "%", aim=_percent(aim))
    for label in (WORKER, BARE):
        yield _row(group, f"{label}, {SWITCHES}", "an event", base=f"{BARE}, {SWITCHES}")
        if load in options.system_calls:
            yield _row(group, f"{label}, {CALLS}", "an event", base=f"{BARE}, {CALLS}")
    yield _row(group, LATE, "µs", aim=LATE_US)


def _way(group: str) -> Iterator[Row]:
    """Yield the rows of each process of our pipeline, the worker's threads apart."""
    for kind in (MAIN, LIBZMQ, OTHERS):
        yield _row(group, f"{WORKER}, {kind}", "µs")
    for process, aims in ((HUB, HUB_OF_WORKER), (SUBSCRIBER, SUBSCRIBER_OF_WORKER)):
        yield _row(group, process, "µs")
        yield _row(group, over(process, WORKER), "%", aim=_percent(aims.get(group)))


def latency_group(client: ClientKind, load: Load) -> str:
    """Return the group of a load under which the latency is measured."""
    return load.label if client is OURS else f"{load.label}, {AT_ONCE}"


def _latency(client: ClientKind, load: Load) -> Iterator[Row]:
    group = latency_group(client, load)
    aims = (LATENCY_MS if client is OURS else LATENCY_AT_ONCE_MS).get(load.label, {})
    yield _row(group, WORKER, "µs")
    yield from _way(group)
    for part in QUANTILES:
        yield _row(group, latency(part), "ms", aim=aims.get(part))
    yield _row(group, LATE, "µs", aim=LATE_US)


def latency(part: float) -> str:
    """Return the name of a quantile of the latency."""
    return f"to the Subscriber, p{part * 100:g}"


def _growth(loads: Sequence[Load]) -> Iterator[Row]:
    for load in loads:
        yield _row(GROWTH, load.label, "µs")
    for load in loads[1:]:
        yield _row(GROWTH, over(load.label, loads[0].label), "%")


def _idle(sessions: int) -> Iterator[Row]:
    group = f"{sessions:,} {IDLE}"
    for client in IDLE_CLIENTS:
        row = _row(group, client.label, "ms/s", base=BARE)
        row.missing = client.missing
        row.aim = IDLE_MS if client.label == WORKER else None
        yield row
    for client in IDLE_CLIENTS:
        row = _row(group, f"{client.label}, {MEMORY}", "kB", base=f"{BARE}, {MEMORY}")
        row.missing = client.missing
        yield row


class Values:
    """The values of the rows, by name."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self._rows: Mapping[str, Row] = {row.name: row for row in rows}

    def add(self, group: str, what: str, value: float | None, missing: str = "") -> None:
        """Add what a round found. missing: why it found nothing, if the value is None."""
        row = self._rows[under(group, what)]
        if value is None:
            row.missing = missing
        elif not row.missing:
            row.values.append(value)

    def fail(self, group: str, what: str, cause: str) -> None:
        """Take note that a row can't be measured here: it has no value, of no round."""
        row = self._rows[under(group, what)]
        row.missing, row.values = cause, []

    def compare(self) -> None:
        """Fill the rows that are one of their group over another, in percent."""
        for row in self._rows.values():
            what, is_over, other = row.name.removeprefix(under(row.group, "")).partition(" over ")
            if is_over and under(row.group, other) in self._rows:
                of = self._rows[under(row.group, other)]
                row.values = [100 * one for one in ratios(self._rows[under(row.group, what)], of)]
                row.missing = "" if row.values else of.missing
