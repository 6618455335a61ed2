"""Makes text of a ClusterStatus. Pure: what is shown depends on the status and the width."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from cluster.cli.terminal.colours import state
from cluster.cli.terminal.event_lines import printable
from cluster.cli.terminal.host_table import host_details, hosts, waits
from cluster.cli.terminal.tables import COLLAPSE_OVER, next_try, reason, shards, workers
from cluster.complaints import complaints as all_complaints
from cluster.wire.states import ClusterState, OperationState, SessionState
from cluster.wire.status import CacheReport, ClusterStatus, ShardStatus
from cluster.words import SLOW_HEARTBEAT_MS, count, ms, named, ranges, rate, roughly, size, span

MOST_SUBSCRIBERS: Final = 8
MOST_PROXIES: Final = 8
MOST_MISFITS: Final = 4
"""How many places of unfit events have a line for a subscriber."""
MOST_COMPLAINTS: Final = 12
FRESH_S: Final = 3600.0
"""For how long the restart of a worker is worth a line."""
LACKS: Final = {
    "message_content": "messages that are not to the bot have no text",
    "guild_members": "who joins, leaves or changes is not told of",
    "guild_presences": "presences are not told of",
}
"""What it means for a subscriber's events that the cluster has not asked for an intent."""


def headline(status: ClusterStatus) -> Text:
    """Return the first line: "sandbox  ready  4 of 4 shards ready  499 events/s  up 3 min 5 s"."""
    return Text.assemble(
        (status.name, "bold"),
        "  ",
        state(status.state),
        f"  {status.shards_ready:,} of {len(status.shards):,} shards ready",
        f"  {rate(status.events_per_s)} events/s",
        f"  up {span(status.uptime_s)}",
    )


def waiting(status: ClusterStatus) -> str:
    """Return who waits for leave to identify and how long; "" if nobody does."""
    budget = status.budget
    if not budget.waiting:
        return ""
    known = not budget.trouble  # else nobody knows for how long
    if len(budget.waiting) == 1:
        when = f", in {span(budget.wait_s)}" if known else ""
        return f"shard {budget.waiting[0]} waits to identify{when}"
    when = f", the last in {span(budget.wait_s)}" if known else ""
    return (
        f"{len(budget.waiting)} shards wait to identify{when}: {ranges(sorted(budget.waiting), 3)}"
    )


def identifies(status: ClusterStatus) -> str:
    """Return how many identifies are left, and how many go at a time."""
    budget = status.budget
    if not budget.known:
        return "not known how many are left"
    left = (
        f"{budget.remaining:,} of {budget.total:,} left, all back in {span(budget.reset_after_s)}"
    )
    user = status.account == "user"
    return f"{left}; {'a limit of our own' if user else f'{budget.max_concurrency} at a time'}"


def part(status: ClusterStatus) -> str:
    """Return which shards of its bot this cluster is to run; "" if it runs all."""
    if len(status.shards) == status.shard_count:
        return ""
    own = named([shard.shard_id for shard in status.shards])
    return f"{own} of the bot's {status.shard_count:,}"


def outside(status: ClusterStatus) -> list[str]:
    """Return a line for each program outside whose shards wait for this cluster's identifies."""
    shards: dict[str, list[int]] = {}
    for claim in status.budget.outside:
        shards.setdefault(claim.who, []).append(claim.shard_id)
    return [f"{who} waits here for {named(sorted(ids), 4)}" for who, ids in shards.items()]


def facts(status: ClusterStatus) -> Table:
    """Return a table of everything about the cluster that is one line."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    budget = status.budget
    discord = f"a sandbox, {status.api_url}" if status.sandbox else status.api_url
    user = status.account == "user"
    grid.add_row("events", f"{status.events:,} since the start")
    grid.add_row("discord", f"{discord}, as a user account" if user else discord)
    if text := part(status):
        grid.add_row("part", text)
    grid.add_row("identifies", identifies(status))
    if budget.broker:
        grid.add_row("", f"granted by {budget.broker}")
    for line in filter(None, [waiting(status), *outside(status)]):
        grid.add_row("", Text(line))
    if under_way := operation(status):
        grid.add_row("under way", Text(under_way))
    if causes := reconnects(status.shards):
        grid.add_row("reconnects", causes)
    if beats := heartbeats(status.shards):
        grid.add_row("heartbeats", beats)
    for number, line in enumerate(subscribers(status)):
        grid.add_row("" if number else "subscribers", Text(line))
    for number, endpoint in enumerate(status.hubs):
        grid.add_row("" if number else "subscribe", endpoint)
    grid.add_row("replay", status.replay_endpoint)
    for number, line in enumerate(over_tcp(status)):
        grid.add_row("" if number else "tcp", Text(line))
    if status.cache is not None:
        grid.add_row("cache", cached(status.cache))
    if status.http:
        grid.add_row("http", status.http)
    for number, line in enumerate(proxy(status)):
        grid.add_row("" if number else "proxy", Text(line))
    grid.add_row("coordinator", f"pid {status.pid}, dcgw-cluster {status.version}")
    return grid


def cached(cache: CacheReport) -> str:
    """Return what the cache has."""
    room = f"{size(cache.disk_bytes)} of {size(cache.max_bytes)}"
    away = f", {cache.unavailable:,} of them not here yet" if cache.unavailable else ""
    return f"{count(cache.guilds, 'guild')}{away}, {room}, pid {cache.pid}"


def operation(status: ClusterStatus) -> str:
    """Return the operation that is under way and how far it is; "" if none is."""
    now = status.operation
    if now is None or now.state is not OperationState.RUNNING:
        return ""
    steps = f" ({now.done} of {now.total} done)" if now.total else ""
    text = f": {now.text}" if now.text else ""
    return f"{now.kind} for {span(now.seconds)}{text}{steps}"


def reconnects(listed: Sequence[ShardStatus]) -> str:
    """Return how often shards reconnected, by cause, the most frequent first."""
    causes: Counter[str] = Counter()
    for shard in listed:
        causes.update(shard.reconnects)
    return ", ".join(f"{times:,}x {cause}" for cause, times in causes.most_common())


def heartbeats(listed: Sequence[ShardStatus]) -> str:
    """Return the usual round trip of a heartbeat and the worst one; "" while none was answered."""
    known = sorted(
        (shard.heartbeat_ms, shard.shard_id) for shard in listed if shard.heartbeat_ms is not None
    )
    if not known:
        return ""
    usual, (worst, shard_id) = known[len(known) // 2][0], known[-1]
    if len(known) == 1:
        return ms(worst)
    return f"median {ms(usual)}, at most {ms(worst)} (shard {shard_id})"


def subscribers(status: ClusterStatus) -> list[str]:
    """Return a line for each subscriber that reports itself, with what its events lack, and one
    that counts the others."""
    lines: list[str] = []
    for one in status.subscribers[:MOST_SUBSCRIBERS]:
        lines.append(
            f"{printable(one.name)} (pid {one.pid}): lag {one.lag:,}; {one.events:,} events"
            + (f", {count(one.gaps, 'gap')}" if one.gaps else "")
            + (f", {count(one.replays, 'replay')}" if one.replays else "")
            + (f", {one.unfit:,} unfit" if one.unfit else "")
            + f" in {roughly(one.since_s)}"
        )
        places = [f"  unfit: {printable(it)} ({n:,})" for it, n in one.misfits.items()]
        lines += places[:MOST_MISFITS]
        if (rest := len(places) - MOST_MISFITS) > 0:
            lines.append(f"  unfit: {count(rest, 'other place')}: --json has them")
        lines += [f"  without the intent {name}: {LACKS.get(name, '')}" for name in one.lacks]
    if (rest := len(status.subscribers) - MOST_SUBSCRIBERS) > 0:
        lines.append(f"... and {rest} more: --json has them")
    if status.subscribers_unknown:
        lines.append(f"{status.subscribers_unknown:,} unknown: connected, without a report")
    return lines or ["none"]


def over_tcp(status: ClusterStatus) -> list[str]:
    """Return lines on what is offered over TCP, and to how many; no line if nothing is."""
    gate = status.gate
    if gate is None:
        return []
    offered = {"events": gate.events, "replay": gate.replay, "control": gate.control}
    listed = ", ".join(f"{name} {endpoint}" for name, endpoint in offered.items() if endpoint)
    who = f"{count(gate.keys, 'key')}, {count(gate.subscribers, 'subscriber')}"
    if gate.refused:
        who += f", {count(gate.refused, 'connection')} not let in"
    return [listed, who]


def proxy(status: ClusterStatus) -> list[str]:
    """Return where bots find the gateway proxy, and a line for each of its processes; no line if
    there is none."""
    lines = [status.proxy] if status.proxy else []
    for one in status.proxies[:MOST_PROXIES]:
        of = f"of {printable(one.key)}, {printable(one.listens)}" if one.key else f"{one.number}"
        states = {"away": one.detached, "catching up": one.catching_up}
        lines.append(
            f"{of} (pid {one.pid}): {count(one.clients, 'bot')}"
            + "".join(f", {number:,} {what}" for what, number in states.items() if number)
            + f"; {one.events:,} events sent"
            + (f", lag {one.lag:,}" if one.lag else "")
            + (f", {count(one.gaps, 'gap')}" if one.gaps else "")
            + (f", {count(one.lost, 'session')} lost" if one.lost else "")
            + (f", {count(one.refused, 'connection')} closed" if one.refused else "")
        )
    if (rest := len(status.proxies) - MOST_PROXIES) > 0:
        lines.append(f"... and {rest} more: --json has them")
    return lines


def complaints(status: ClusterStatus) -> list[Text]:
    """Return what a reader must act on, the first MOST_COMPLAINTS of it."""
    found = all_complaints(status)
    texts = [Text(printable(line), style="red") for line in found[:MOST_COMPLAINTS]]
    if rest := len(found) - len(texts):
        texts.append(Text(f"... and {rest} more: --json has them", style="red"))
    return texts


def looks(status: ClusterStatus) -> list[Text]:
    """Return what is worth a look and may pass by itself."""
    return [Text(printable(line), style="yellow") for line in _worth_a_look(status) if line]


def _worth_a_look(status: ClusterStatus) -> list[str]:
    found = [*waits(status.workers), _not_ready(status)]
    found += host_details(status.hosts)
    found += [
        f"worker {worker.slot} was restarted {count(worker.restarts, 'time')}, "
        f"the last {span(worker.uptime_s)} ago"
        for worker in status.workers
        if worker.restarts and worker.uptime_s is not None and worker.uptime_s < FRESH_S
    ]
    if status.operation is not None and status.operation.state is OperationState.FAILED:
        found.append(f"{status.operation.kind} failed: {status.operation.text}")
    others = [w.slot for w in status.workers if w.version not in ("", status.version)]
    if others:
        found.append(
            f"{named(others, what='worker')} run{'s' if len(others) == 1 else ''} another version "
            f"than {status.version}: "
            "`dcgw-cluster restart --rolling` replaces them"
        )
    if left_out := [s.shard_id for s in status.shards if s.unplaced]:
        frames = count(sum(s.unplaced for s in status.shards), "frame")
        found.append(
            f"{frames} of {named(left_out)} had no place in the order and were left out: the "
            "workers' logs name them"
        )
    slow = [s.shard_id for s in status.shards if (s.heartbeat_ms or 0.0) >= SLOW_HEARTBEAT_MS]
    if slow:
        found.append(f"heartbeats of {named(slow)} take more than a second")
    return [*found, *status.warnings]


def _not_ready(status: ClusterStatus) -> str:
    """Return who is not ready, and why most are not; while a cluster starts only those with a
    reason count."""
    if status.state not in (ClusterState.DEGRADED, ClusterState.STARTING):
        return ""
    down = [
        shard
        for shard in status.shards
        if shard.state not in (SessionState.READY, SessionState.FATAL)
        and (status.state is ClusterState.DEGRADED or _has_failed(shard))
    ]
    if not down:
        return ""
    text = f"{named([shard.shard_id for shard in down])} not ready"
    reasons = Counter(reason(shard, status.uptime_s) for shard in down)
    del reasons[""]
    if not reasons:
        return text
    ((why, _),) = reasons.most_common(1)
    alike = [shard for shard in down if reason(shard, status.uptime_s) == why]
    return f"{text}: {why}{' (most of them)' if len(reasons) > 1 else ''}{next_try(alike)}"


def _has_failed(shard: ShardStatus) -> bool:
    """Whether a shard that has not been ready yet has met with a failure."""
    return bool(shard.detail) and shard.state not in (SessionState.STARTING, SessionState.DOWN)


def wrong(status: ClusterStatus) -> list[Text]:
    """Return all that is not as it should be, what must be acted on first."""
    return [*complaints(status), *looks(status)]


def verdict(status: ClusterStatus) -> list[Text]:
    """Return what is wrong, or that nothing is."""
    well = [Text("Nothing is wrong.", style="green")] if status.state is ClusterState.READY else []
    return wrong(status) or well


def full(
    status: ClusterStatus, width: int, *, every: bool = False, facts_last: bool = False
) -> RenderableType:
    """Return all that `status` shows. every: a line for each shard, however many there are.
    facts_last: what changes seldom stands below."""
    tables: list[RenderableType] = []
    if status.hosts:
        most = None if every else COLLAPSE_OVER
        tables += [Text(), hosts(status.hosts, width, most)]
    if status.workers:
        tables += [Text(), workers(status, width)]
    if status.shards:
        tables += [Text(), shards(status, width, every=every)]
    about: list[RenderableType] = [Text(), facts(status)]
    parts = [*tables, *about] if facts_last else [*about, *tables]
    return Group(headline(status), *verdict(status), *parts)


def line(status: ClusterStatus) -> str:
    """Return the whole state as one plain line, for pipes and logs."""
    text = (
        f"{status.state}: {status.shards_ready}/{len(status.shards)} shards ready, "
        f"{rate(status.events_per_s)} events/s, {status.events:,} events"
    )
    parts = [text, waiting(status), *(str(one) for one in wrong(status))]
    return "; ".join(part for part in parts if part)
