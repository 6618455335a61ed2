"""The tables of ``top``: which columns they have, how rows are ordered, and what is looked for in
them. Cells are made when a row is seen: of 4,096 shards sixty are. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any, Final, Generic, NamedTuple, TypeVar

from rich.text import Text

from cluster.cli.terminal.colours import state
from cluster.cli.terminal.event_lines import printable
from cluster.cli.terminal.tables import causes
from cluster.cli.terminal.type_rates import TypeRate
from cluster.cli.top.filters import About, fits
from cluster.ranges import MAX_SHARDS
from cluster.wire.happenings import Happening, Severity
from cluster.wire.states import SessionState, WorkerState
from cluster.wire.status import ShardStatus, SubscriberStatus, WorkerStatus
from cluster.words import ms, rate, roughly, size, span

Item = TypeVar("Item")

GAP: Final = 2
BAR_WIDTH: Final = 16
URGENT: Final[dict[str, int]] = {
    name: rank
    for rank, name in enumerate(
        (
            SessionState.FATAL,
            SessionState.DOWN,
            SessionState.WAITING,
            SessionState.STARTING,
            SessionState.CONNECTING,
            SessionState.AWAITING_HELLO,
            SessionState.AWAITING_GRANT,
            SessionState.IDENTIFYING,
            SessionState.RESUMING,
            SessionState.CLOSED,
            SessionState.READY,
            WorkerState.FAILED,
            WorkerState.MISSING,
            WorkerState.RESTARTING,
            WorkerState.STOPPED,
            WorkerState.RUNNING,
        )
    )
}
"""Where rows are in the order of their states: what needs a look stands first."""
SEVERITIES: Final = {
    Severity.INFO: ("  ", ""),
    Severity.WARNING: ("! ", "yellow"),
    Severity.ERROR: ("!!", "bold red"),
}
"""The mark of a happening, and its style."""


class Column(NamedTuple, Generic[Item]):
    """One column."""

    heading: str
    width: int
    """Columns of the terminal; 0: what is left."""
    cell: Callable[[Item], str | Text]
    key: Callable[[Item], Any]
    """By what rows are ordered; None comes last. A number or a text: thousands of tuples a second
    would keep the garbage collector busy."""
    number: bool = True
    """Numbers stand at the right, and the largest comes first."""


class Table(NamedTuple, Generic[Item]):
    """One table."""

    what: str
    columns: Sequence[Column[Item]]
    drop: Sequence[str]
    """Headings of columns that are left out where it is narrow, in this order."""
    sort: str
    """The heading by which it is ordered to begin with; empty: as the rows come."""
    name: Callable[[Item], int | str]
    """What a row is told from others by."""
    about: Callable[[Item], About]

    def fitting(self, width: int) -> list[Column[Item]]:
        """Return the columns that there is room for."""
        left = list(self.columns)
        for heading in self.drop:
            if sum(column.width + GAP for column in left) <= width:
                break
            left = [column for column in left if column.heading != heading]
        return left

    def ordered(
        self, items: Iterable[Item], sort: str, *, reverse: bool = False, typed: str = ""
    ) -> list[Item]:
        """Return the rows that fit what was typed, in the order of a column (by its heading)."""
        rows = list(items)
        if typed.strip():
            fit = fits(typed)
            rows = [item for item in rows if fit(self.about(item))]
        column = next((column for column in self.columns if column.heading == sort), None)
        if column is None:
            return rows[::-1] if reverse else rows
        key = column.key
        unknown = [item for item in rows if key(item) is None]
        if unknown:
            rows = [item for item in rows if key(item) is not None]
        rows.sort(key=key, reverse=column.number is not reverse)
        return rows + unknown


def line(columns: Sequence[Column[Item]], item: Item | None, width: int, mark: str) -> Text:
    """Return one row as text of exactly this width; item: None for the headings. mark: what stands
    before it, one character."""
    text = Text(f"{mark} ", no_wrap=True)
    fixed = sum(column.width + GAP for column in columns) + len(text)
    for column in columns:
        own = column.width or max(8, width - fixed)
        cell = column.heading if item is None else column.cell(item)
        part = cell.copy() if isinstance(cell, Text) else Text(cell)
        part.truncate(own, overflow="ellipsis")
        blanks = " " * max(0, own - part.cell_len)
        text.append(blanks if column.number else "")
        text.append_text(part)
        text.append(("" if column.number else blanks) + " " * GAP)
    text.truncate(width, pad=True)
    return text


def _rank(state_name: str) -> int:
    return URGENT.get(state_name, 0)


def _shard_state(shard: ShardStatus) -> Text:
    return Text("silent", style="bold red") if shard.too_silent else state(shard.state)


SHARDS: Final[Table[ShardStatus]] = Table(
    what="shards",
    columns=(
        Column("shard", 6, lambda s: str(s.shard_id), lambda s: -s.shard_id),
        Column("worker", 6, lambda s: str(s.worker), lambda s: -s.worker),
        Column(
            "state",
            14,
            _shard_state,
            lambda s: (0 if s.too_silent else _rank(s.state)) * MAX_SHARDS + s.shard_id,
            number=False,
        ),
        Column("events/s", 8, lambda s: rate(s.events_per_s), lambda s: s.events_per_s),
        Column("heartbeat", 9, lambda s: ms(s.heartbeat_ms), lambda s: s.heartbeat_ms),
        Column("session", 11, lambda s: span(s.session_age_s), lambda s: s.session_age_s),
        Column("last event", 10, lambda s: span(s.silent_s), lambda s: s.silent_s),
        Column("guilds", 6, lambda s: f"{s.guilds:,}", lambda s: s.guilds),
        Column("events", 12, lambda s: f"{s.events:,}", lambda s: s.events),
        Column(
            "reconn.", 7, lambda s: str(sum(s.reconnects.values())),
            lambda s: sum(s.reconnects.values()),
        ),
        Column("why", 0, lambda s: printable(s.detail or causes(s)), lambda s: s.detail, False),
    ),
    drop=("events", "guilds", "last event", "session", "worker", "heartbeat"),
    sort="state",
    name=lambda s: s.shard_id,
    about=lambda s: About(
        f"{_shard_state(s).plain} {s.detail} {causes(s)}",
        s.shard_id,
        s.worker,
    ),
)  # fmt: skip

WORKERS: Final[Table[WorkerStatus]] = Table(
    what="workers",
    columns=(
        Column("worker", 6, lambda w: str(w.slot), lambda w: -w.slot),
        Column("state", 10, lambda w: state(w.state),
               lambda w: _rank(w.state) * MAX_SHARDS + w.slot, False),
        Column("shards", 9, lambda w: f"{w.shards_ready}/{w.shards}", lambda w: w.shards),
        Column("events/s", 8, lambda w: rate(w.events_per_s), lambda w: w.events_per_s),
        Column("CPU", 5, lambda w: f"{w.cpu_percent:.0f} %", lambda w: w.cpu_percent),
        Column("memory", 9, lambda w: size(w.rss_bytes) if w.rss_bytes else "-",
               lambda w: w.rss_bytes),
        Column("reaches back", 12, lambda w: _reach(w), lambda w: w.journal_seconds),
        Column("unpublished", 11, lambda w: f"{w.unpublished:,}", lambda w: w.unpublished),
        Column("restarts", 8, lambda w: str(w.restarts), lambda w: w.restarts),
        Column("up", 11, lambda w: span(w.uptime_s), lambda w: w.uptime_s),
        Column("pid", 8, lambda w: str(w.pid or "-"), lambda w: w.pid),
        Column("why", 0, lambda w: printable(w.detail), lambda w: w.detail, False),
    ),
    drop=("why", "pid", "up", "unpublished", "memory", "restarts", "CPU"),
    sort="worker",
    name=lambda w: w.slot,
    about=lambda w: About(f"{w.state} {w.detail} {w.host}", w.slot, w.slot),
)  # fmt: skip
WORKERS_ON_HOSTS: Final = WORKERS._replace(
    columns=(
        *WORKERS.columns[:2],
        Column("host", 14, lambda w: w.host or "-", lambda w: w.host, number=False),
        *WORKERS.columns[2:],
    ),
    drop=(*WORKERS.drop, "host"),
)
"""Workers some of which run on other hosts than the coordinator's."""


def _reach(worker: WorkerStatus) -> str | Text:
    if not worker.journalling:
        return Text("suspended", style="bold red")
    return span(worker.journal_seconds)


EVENTS: Final[Table[TypeRate]] = Table(
    what="events",
    columns=(
        Column("type", 34, lambda r: Text(r.name, style="cyan"), lambda r: r.name, number=False),
        Column("events/s", 9, lambda r: rate(r.per_s), lambda r: r.per_s),
        Column("share", 5, lambda r: f"{100 * r.share:.0f} %", lambda r: r.share),
        Column("", BAR_WIDTH, lambda r: bar(r.share), lambda r: r.share, number=False),
        Column("in all", 13, lambda r: f"{r.total:,}", lambda r: r.total),
    ),
    drop=("in all", ""),
    sort="events/s",
    name=lambda r: r.name,
    about=lambda r: About(r.name),
)


def bar(share: float) -> str:
    """Return a bar of the length of a share, in eighths of a character."""
    eighths = round(max(0.0, min(1.0, share)) * BAR_WIDTH * 8)
    rest = " ▏▎▍▌▋▊▉"[eighths % 8]
    return ("█" * (eighths // 8) + rest).rstrip()


SUBSCRIBERS: Final[Table[SubscriberStatus]] = Table(
    what="subscribers",
    columns=(
        Column("subscriber", 24, lambda s: printable(s.name), lambda s: s.name, number=False),
        Column("pid", 8, lambda s: str(s.pid), lambda s: s.pid),
        Column("lag", 9, lambda s: f"{s.lag:,}", lambda s: s.lag),
        Column("events", 13, lambda s: f"{s.events:,}", lambda s: s.events),
        Column("gaps", 5, lambda s: f"{s.gaps:,}", lambda s: s.gaps),
        Column("replays", 7, lambda s: f"{s.replays:,}", lambda s: s.replays),
        Column("unfit", 6, lambda s: f"{s.unfit:,}", lambda s: s.unfit),
        Column("since", 8, lambda s: roughly(s.since_s), lambda s: s.since_s),
    ),
    drop=("pid", "unfit", "replays", "since"),
    sort="lag",
    name=lambda s: f"{s.name} {s.pid}",
    about=lambda s: About(s.name, s.pid),
)


def _happened(happening: Happening) -> Text:
    mark, style = SEVERITIES[happening.severity]
    return Text(f"{mark} {printable(happening.text)}", style=style)


HAPPENINGS: Final[Table[Happening]] = Table(
    what="happenings",
    columns=(
        Column("at", 8, lambda h: f"{datetime.fromtimestamp(h.at):%H:%M:%S}", lambda h: h.number),
        Column("what happened", 0, _happened, lambda h: h.text, number=False),
    ),
    drop=(),
    sort="at",
    name=lambda h: h.number,
    about=lambda h: About(f"{h.severity} {h.text}", h.shard, h.worker),
)
