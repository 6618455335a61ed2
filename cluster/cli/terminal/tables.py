"""Makes tables of workers and shards that fit the width: what matters least goes first. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final, Literal, NamedTuple

from rich.cells import cell_len
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from cluster.cli.terminal.colours import state
from cluster.cli.terminal.event_lines import printable
from cluster.wire.states import SessionState, WorkerState
from cluster.wire.status import ClusterStatus, ShardStatus, WorkerStatus
from cluster.words import SLOW_HEARTBEAT_MS, count, ms, named, rate, size, span

COLLAPSE_OVER: Final = 32
"""With more rows than this, those that are well are counted and not listed."""
MOST_LISTED: Final = 20
MOST_REASONS: Final = 8
GAP: Final = 2
RESTLESS: Final = 3
"""More reconnects than this, and more an hour, are worth a line. Discord asks for one every few
hours."""
WELL: Final = (SessionState.READY, WorkerState.RUNNING)
FIRST: Final = (SessionState.FATAL, SessionState.DOWN)
"""The states that stand before all others in a list of shards that need a look."""


class Column(NamedTuple):
    """One column of a table: its heading and its cells, and whether these are numbers."""

    heading: str
    number: bool
    cells: Sequence[Text]

    @property
    def width(self) -> int:
        return max([cell_len(self.heading), *(cell.cell_len for cell in self.cells)])


def fitted(columns: Sequence[Column], width: int, drop: Iterable[str]) -> Table:
    """Return the columns as a table of at most this width. drop: the headings of columns that may
    be left out, in this order, until it fits."""
    left = list(columns)
    for heading in drop:
        if sum(column.width + GAP for column in left) - GAP <= width:
            break
        left = [column for column in left if column.heading != heading]
    table = Table(box=None, padding=(0, GAP, 0, 0), header_style="dim", pad_edge=False)
    for column in left:
        justify: Literal["left", "right"] = "right" if column.number else "left"
        table.add_column(column.heading, justify=justify, no_wrap=True)
    for row in zip(*(column.cells for column in left), strict=True):
        table.add_row(*row)
    return table


def numbers(heading: str, cells: Iterable[str]) -> Column:
    """Return a column of numbers."""
    return Column(heading, True, [Text(cell) for cell in cells])


def workers(status: ClusterStatus, width: int, most: int = COLLAPSE_OVER) -> RenderableType:
    """Return a line for each worker; of more than `most`, a count of all and those that need a
    look."""
    listed = status.workers
    if len(listed) <= most:
        return _worker_table(listed, width)
    troubled = [
        w for w in listed if w.state is not WorkerState.RUNNING or w.restarts or not w.journalling
    ]
    cpu, memory = sum(w.cpu_percent for w in listed), sum(w.rss_bytes for w in listed)
    total = counts([worker.state for worker in listed], "workers")
    parts: list[RenderableType] = [total.append(f"  CPU {cpu:.0f} %  memory {size(memory)}")]
    if troubled:
        parts.append(_worker_table(troubled[:most], width))
    if len(troubled) > most:
        parts.append(Text(f"... and {len(troubled) - most} more: --json has them", style="dim"))
    return Group(*parts)


def _worker_table(listed: Sequence[WorkerStatus], width: int) -> Table:
    apart = any(worker.host for worker in listed)
    columns = [
        numbers("worker", [str(w.slot) for w in listed]),
        numbers("pid", [str(w.pid or "-") for w in listed]),
        Column("state", False, [state(w.state) for w in listed]),
        *([Column("host", False, [Text(w.host or "-") for w in listed])] if apart else []),
        numbers("shards", [f"{w.shards_ready}/{w.shards}" for w in listed]),
        numbers("events/s", [rate(w.events_per_s) for w in listed]),
        numbers("CPU", [f"{w.cpu_percent:.0f} %" for w in listed]),
        numbers("memory", [size(w.rss_bytes) if w.rss_bytes else "-" for w in listed]),
        numbers("journal", [size(w.journal_bytes) if w.journal_bytes else "-" for w in listed]),
        Column("reaches back", True, [_reach(w) for w in listed]),
        numbers("unpublished", [f"{w.unpublished:,}" for w in listed]),
        numbers("restarts", [str(w.restarts) for w in listed]),
        numbers("up", [span(w.uptime_s) for w in listed]),
    ]
    drop = ("up", "journal", "unpublished", "restarts", "pid", "CPU", "memory", "host")
    return fitted(columns, width, drop)


def _reach(worker: WorkerStatus) -> Text:
    if not worker.journalling:
        return Text("suspended", style="bold red")
    return Text(span(worker.journal_seconds))


def counts(states: Iterable[str], what: str) -> Text:
    """Return how many are in which state, as "190 ready  10 awaiting grant  of 200 shards": what is
    well stands first."""
    found = Counter(states)
    names = sorted(found, key=lambda name: (name not in WELL, -found[name], name))
    parts = [Text.assemble(f"{found[name]:,} ", state(name)) for name in names]
    return Text("  ").join([*parts, Text(f"of {found.total():,} {what}", style="dim")])


def unrest(shard: ShardStatus, uptime_s: float) -> str:
    """Return what is wrong with a shard that is ready; "" if nothing is."""
    times = sum(shard.reconnects.values())
    found = []
    if shard.heartbeat_ms is not None and shard.heartbeat_ms >= SLOW_HEARTBEAT_MS:
        found.append(f"the last heartbeat took {ms(shard.heartbeat_ms)}")
    if times > RESTLESS * max(1.0, uptime_s / 3600):
        found.append(f"{count(times, 'reconnect')} ({causes(shard)})")
    return ", ".join(found)


def causes(shard: ShardStatus) -> str:
    """Return how often a shard reconnected by cause, as "2x op 7, 1x zombie", the most frequent
    first."""
    return ", ".join(f"{n}x {why}" for why, n in Counter(shard.reconnects).most_common())


def shards(status: ClusterStatus, width: int, *, every: bool = False) -> RenderableType:
    """Return a line for each shard; of many, a count by state and those that need a look."""
    listed = status.shards
    uptime_s = status.uptime_s
    if every or len(listed) <= COLLAPSE_OVER:
        return Group(_shard_table(listed, width), *_notes(listed, uptime_s))
    # Who only waits for a grant is in the line on identifies.
    waits = set(status.budget.waiting)
    listed = [s for s in listed if s.shard_id not in waits]
    listed = [
        s
        for s in listed
        if s.state is not SessionState.READY or s.too_silent or unrest(s, uptime_s)
    ]
    listed.sort(key=lambda s: (s.state not in FIRST, s.state is SessionState.READY, s.shard_id))
    cut = listed[:MOST_LISTED]
    parts: list[RenderableType] = [counts([shard.state for shard in status.shards], "shards")]
    if cut:
        parts.append(_shard_table(cut, width))
    if len(cut) < len(listed):
        more = f"... and {len(listed) - len(cut)} more: --shards lists all"
        parts.append(Text(more, style="dim"))
    return Group(*parts, *_notes(listed, uptime_s))


def _notes(listed: Sequence[ShardStatus], uptime_s: float) -> list[Text]:
    """Return why shards are not ready, a line for each reason. Why some gave up is said at the top
    of `status`."""
    reasons: dict[str, list[ShardStatus]] = {}
    for shard in listed:
        if shard.state is not SessionState.FATAL and (why := reason(shard, uptime_s)):
            reasons.setdefault(why, []).append(shard)
    most = sorted(reasons.items(), key=lambda item: -len(item[1]))
    lines = [
        f"{named(sorted(s.shard_id for s in alike))}: {printable(why)}{next_try(alike)}"
        for why, alike in most[:MOST_REASONS]
    ]
    if rest := len(reasons) - len(lines):
        lines.append(f"... and {count(rest, 'reason')} more: --json has them")
    return [Text(line, style="dim") for line in lines]


def reason(shard: ShardStatus, uptime_s: float) -> str:
    """Return why a shard is not ready, or what is wrong with it; "" if nothing is."""
    return shard.detail or unrest(shard, uptime_s)


def next_try(listed: Iterable[ShardStatus]) -> str:
    """Return when the first of these shards tries again, as "; next try in 12 s"; "" if that is
    not known, or now."""
    waits = [shard.next_try_s for shard in listed if shard.next_try_s is not None]
    return f"; next try in {span(min(waits))}" if waits and min(waits) >= 1.0 else ""


def _shard_table(listed: Sequence[ShardStatus], width: int) -> Table:
    head = [
        numbers("shard", [str(s.shard_id) for s in listed]),
        numbers("worker", [str(s.worker) for s in listed]),
        Column("state", False, [state(s.state) for s in listed]),
        numbers("seq", [f"{s.seq:,}" if s.seq >= 0 else "-" for s in listed]),
        numbers("events/s", [rate(s.events_per_s) for s in listed]),
        numbers("heartbeat", [ms(s.heartbeat_ms) for s in listed]),
        numbers("session", [span(s.session_age_s) for s in listed]),
    ]
    more = [
        numbers("last event", [span(s.silent_s) for s in listed]),
        numbers("epoch", [str(s.epoch) for s in listed]),
        numbers("guilds", [f"{s.guilds:,}" for s in listed]),
        numbers("events", [f"{s.events:,}" for s in listed]),
    ]
    why = Column("reconnects", False, [Text(causes(s) or "none") for s in listed])
    least = [column for column in head if column.heading != "worker"]
    if sum(column.width + GAP for column in [*least, why]) - GAP <= width:
        drop = ("guilds", "events", "epoch", "last event", "worker")
        return fitted([*head, *more, why], width, drop)
    times = numbers("reconn.", [f"{sum(s.reconnects.values()):,}" for s in listed])
    return fitted([*head, times], width, ("events/s", "worker", "reconn.", "session", "heartbeat"))
