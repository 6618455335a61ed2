"""A ClusterStatus as text and tables. Pure: what is shown depends on the status and the width."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from cluster.cli.event_lines import printable
from cluster.wire.control import ClusterStatus, ShardStatus, WorkerStatus

COLLAPSE_OVER: Final = 32
"""With more shards than this, ready ones are counted and not listed."""
MOST_LISTED: Final = 20
MOST_SUBSCRIBERS: Final = 8
WIDE: Final = 110
"""From this many columns on, tables show all they have."""

WORDS: Final = {"awaiting_hello": "awaits hello", "awaiting_grant": "awaits grant"}
STYLES: Final = {
    "ready": "green",
    "running": "green",
    "fatal": "bold red",
    "failed": "bold red",
    "missing": "red",
    "degraded": "yellow",
    "restarting": "yellow",
    "stopping": "yellow",
}


def span(seconds: float | None) -> str:
    """A time span in at most two units: 4.2 s, 3 min 5 s, 2 h 10 min, 3 d 4 h; "-" for None."""
    if seconds is None:
        return "-"
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    for size, unit, small, name in ((86400, "d", 3600, "h"), (3600, "h", 60, "min")):
        if whole >= size:
            return f"{whole // size} {unit} {whole % size // small} {name}"
    return f"{whole // 60} min {whole % 60} s" if whole >= 60 else f"{whole} s"


def size(count: int) -> str:
    """Bytes as KiB, MiB or GiB."""
    for unit, factor in (("GiB", 1 << 30), ("MiB", 1 << 20)):
        if count >= factor:
            return f"{count / factor:.1f} {unit}"
    return f"{count / 1024:.0f} KiB"


def rate(events_per_s: float) -> str:
    """Events a second, with a decimal where it says something."""
    return f"{events_per_s:,.1f}" if 0 < events_per_s < 10 else f"{events_per_s:,.0f}"


def state(name: str) -> Text:
    """A state in its colour."""
    return Text(WORDS.get(name, name), style=STYLES.get(name, "cyan"))


def ranges(ids: Sequence[int], most: int = 8) -> str:
    """Numbers in short: 0-3, 7, 9-12 (+4 more)."""
    parts: list[tuple[int, int]] = []
    for one in ids:
        if parts and one == parts[-1][1] + 1:
            parts[-1] = (parts[-1][0], one)
        else:
            parts.append((one, one))
    text = ", ".join(f"{a}-{b}" if b > a else f"{a}" for a, b in parts[:most])
    if rest := sum(b - a + 1 for a, b in parts[most:]):
        text += f" (+{rest} more)"
    return text


def headline(status: ClusterStatus) -> Text:
    """sandbox  ready  4 of 4 shards  499 events/s  up 3 min 5 s"""
    return Text.assemble(
        (status.name, "bold"),
        "  ",
        state(status.state),
        f"  {status.shards_ready} of {status.shard_count} shards ready",
        f"  {rate(status.events_per_s)} events/s",
        f"  up {span(status.uptime_s)}",
    )


def waiting(status: ClusterStatus) -> str:
    """Who waits for a grant and how long; "" if nobody does."""
    budget = status.budget
    if not budget.waiting:
        return ""
    known = not budget.trouble  # else nobody knows for how long
    if len(budget.waiting) == 1:
        when = f", in {span(budget.wait_s)}" if known else ""
        return f"shard {budget.waiting[0]} waits to identify{when}"
    when = f", the last in {span(budget.wait_s)}" if known else ""
    return (
        f"{len(budget.waiting)} shards wait to identify{when}: {ranges(sorted(budget.waiting), 4)}"
    )


def outside(status: ClusterStatus) -> list[str]:
    """Whose shards wait here besides this cluster's own."""
    shards: dict[str, list[int]] = {}
    for claim in status.budget.outside:
        shards.setdefault(claim.who, []).append(claim.shard_id)
    return [f"{who} waits here for shard {ranges(sorted(ids), 4)}" for who, ids in shards.items()]


def facts(status: ClusterStatus) -> Table:
    """Everything about the cluster that is one line."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    budget = status.budget
    discord = f"a sandbox, {status.api_url}" if status.sandbox else status.api_url
    grid.add_row("events", f"{status.events:,} since the start")
    grid.add_row("discord", discord)
    grid.add_row(
        "identifies",
        f"{budget.remaining:,} of {budget.total:,} left, all back in {span(budget.reset_after_s)}; "
        f"{budget.max_concurrency} at a time",
    )
    if budget.broker:
        grid.add_row("", f"granted by {budget.broker}")
    for line in filter(None, [waiting(status), *outside(status)]):
        grid.add_row("", Text(line))
    if causes := reconnects(status.shards):
        grid.add_row("reconnects", causes)
    if beats := heartbeats(status.shards):
        grid.add_row("heartbeats", beats)
    for number, line in enumerate(subscribers(status)):
        grid.add_row("" if number else "subscribers", Text(line))
    grid.add_row("subscribe", status.hub_endpoint)
    grid.add_row("replay", status.replay_endpoint)
    grid.add_row("coordinator", f"pid {status.pid}, dcgw-cluster {status.version}")
    return grid


def reconnects(listed: Sequence[ShardStatus]) -> str:
    """How often, by cause, of all shards; the most frequent first."""
    causes: Counter[str] = Counter()
    for shard in listed:
        causes.update(shard.reconnects)
    return ", ".join(f"{count:,} {cause}" for cause, count in causes.most_common())


def heartbeats(listed: Sequence[ShardStatus]) -> str:
    """The usual round trip and the worst one; "" while none was answered."""
    known = sorted(
        (shard.heartbeat_ms, shard.shard_id) for shard in listed if shard.heartbeat_ms is not None
    )
    if not known:
        return ""
    usual, (worst, shard_id) = known[len(known) // 2][0], known[-1]
    if len(known) == 1:
        return _ms(worst)
    return f"median {_ms(usual)}, at most {_ms(worst)} (shard {shard_id})"


def subscribers(status: ClusterStatus) -> list[str]:
    """A line each; those that do not report themselves are counted."""
    lines = [
        f"{printable(one.name)} (pid {one.pid}): {one.lag:,} behind, {one.events:,} events"
        + (f", {one.gaps:,} gaps" if one.gaps else "")
        + (f", {one.replays:,} replays" if one.replays else "")
        + f" in {span(one.since_s)}"
        for one in status.subscribers[:MOST_SUBSCRIBERS]
    ]
    if rest := len(status.subscribers) - len(lines):
        lines.append(f"... and {rest} more: --json has them")
    if status.subscribers_unknown:
        lines.append(f"{status.subscribers_unknown} that do not report themselves")
    return lines or ["none"]


def _table(*columns: tuple[str, bool]) -> Table:
    """(heading, is a number) ..."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False)
    for heading, number in columns:
        table.add_column(heading, justify="right" if number else "left", no_wrap=True)
    return table


def workers(status: ClusterStatus, width: int) -> Table:
    """A line a worker; the narrow form leaves out what `--json` has."""
    wide = width >= WIDE
    table = _table(
        ("worker", True),
        ("pid", True),
        ("state", False),
        ("shards", True),
        ("events/s", True),
        ("CPU", True),
        ("memory", True),
        ("journal", True),
        *((("holds", True), ("behind", True), ("restarts", True), ("up", True)) if wide else ()),
    )
    for worker in status.workers:
        row: list[RenderableType] = [
            str(worker.slot),
            str(worker.pid or "-"),
            state(worker.state),
            f"{worker.shards_ready}/{worker.shards}",
            rate(worker.events_per_s),
            f"{worker.cpu_percent:.0f} %",
            size(worker.rss_bytes),
            _journal(worker) if not wide else size(worker.journal_bytes),
        ]
        if wide:
            row += [
                _journal(worker),
                f"{worker.unpublished:,}",
                str(worker.restarts),
                span(worker.uptime_s),
            ]
        table.add_row(*row)
    return table


def _journal(worker: WorkerStatus) -> Text:
    if not worker.journalling:
        return Text("suspended", style="bold red")
    return Text(span(worker.journal_seconds))


def shards(status: ClusterStatus, width: int, *, every: bool = False) -> RenderableType:
    """A line a shard; of many, a count by state and the ones that are not ready."""
    listed = status.shards
    parts: list[RenderableType] = []
    if len(listed) > COLLAPSE_OVER and not every:
        counts = Counter(shard.state for shard in listed)
        parts.append(
            Text("  ").join(
                Text.assemble(f"{count:,} ", state(name)) for name, count in counts.most_common()
            )
        )
        # Who only waits for a grant is in the line on identifies.
        waits = set(status.budget.waiting)
        listed = [s for s in listed if s.state != "ready" and s.shard_id not in waits]
    cut = listed if every else listed[:MOST_LISTED] if parts else listed
    if cut:
        parts.append(_shard_table(cut, width))
        parts += [
            Text(f"shard {shard.shard_id}: {printable(shard.detail)}", style="dim")
            for shard in cut
            if shard.detail and shard.state != "fatal"  # these are said on top
        ]
    if len(cut) < len(listed):
        parts.append(Text(f"... and {len(listed) - len(cut)} more: --all lists them", style="dim"))
    return Group(*parts)


def _ms(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.1f} ms" if value < 10 else f"{value:.0f} ms"


def _shard_table(listed: Sequence[ShardStatus], width: int) -> Table:
    wide = width >= WIDE
    table = _table(
        ("shard", True),
        ("worker", True),
        ("state", False),
        ("seq", True),
        ("events/s", True),
        ("beat", True),
        ("session", True),
        *(
            (("epoch", True), ("guilds", True), ("events", True), ("reconnects", False))
            if wide
            else (("reconn.", True),)
        ),
    )
    for shard in listed:
        row: list[RenderableType] = [
            str(shard.shard_id),
            str(shard.worker),
            state(shard.state),
            f"{shard.seq:,}" if shard.seq >= 0 else "-",
            rate(shard.events_per_s),
            _ms(shard.heartbeat_ms),
            span(shard.session_age_s),
        ]
        if wide:
            causes = ", ".join(f"{count} {cause}" for cause, count in shard.reconnects.items())
            row += [str(shard.epoch), f"{shard.guilds:,}", f"{shard.events:,}", causes or "none"]
        else:
            row.append(str(sum(shard.reconnects.values())))
        table.add_row(*row)
    return table


def complaints(status: ClusterStatus) -> list[Text]:
    """What a reader must act on: fatal shards, failed workers, suspended journals."""
    lines: dict[str, list[int]] = {}
    for shard in status.shards:
        if shard.state == "fatal":
            lines.setdefault(shard.detail, []).append(shard.shard_id)
    found = [f"shard {ranges(ids)} gave up: {detail}" for detail, ids in lines.items()]
    found += [
        f"worker {worker.slot} {worker.state}: {worker.detail}"
        for worker in status.workers
        if worker.detail and worker.state in ("failed", "missing", "restarting")
    ]
    found += [
        f"worker {worker.slot} can't write its journal: a crash now would lose events"
        for worker in status.workers
        if not worker.journalling and worker.state == "running"
    ]
    if status.budget.trouble:
        found.append(status.budget.trouble)
    found += status.troubles
    return [Text(line, style="red") for line in found]


def full(status: ClusterStatus, width: int, *, every: bool = False) -> RenderableType:
    """All of `status`."""
    parts: list[RenderableType] = [headline(status), *complaints(status), Text(), facts(status)]
    if status.workers:
        parts += [Text(), workers(status, width)]
    if status.shards:
        parts += [Text(), shards(status, width, every=every)]
    return Group(*parts)


def line(status: ClusterStatus) -> str:
    """The whole state as one plain line, for pipes and logs."""
    text = (
        f"{status.state}: {status.shards_ready}/{status.shard_count} shards ready, "
        f"{rate(status.events_per_s)} events/s, {status.events:,} events"
    )
    parts = [text, waiting(status), *(str(one) for one in complaints(status))]
    return "; ".join(part for part in parts if part)
