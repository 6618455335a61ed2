"""What is known of one row, and what is asked before something is done to it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from cluster.cli.terminal.event_lines import printable
from cluster.cli.terminal.host_table import ago, host_state, percent, room
from cluster.cli.terminal.tables import causes
from cluster.wire.happenings import Happening
from cluster.wire.status import (
    ClusterStatus,
    HostStatus,
    ShardStatus,
    SubscriberStatus,
    WorkerStatus,
)
from cluster.words import count, explained, ms, named, ranges, rate, size, span

Facts = list[tuple[str, str]]

KEYS: Final[Facts] = [
    ("1 2 3 4 5", "shards, workers, events, subscribers, happenings"),
    ("s  i", "order by the next column; the other way round"),
    ("/  Esc", "only some rows; all again"),
    ("", "ready  !ready  17  10-20  w3 (of worker 3)  or any text"),
    ("g", "the shards as a grid, or as a table again"),
    ("Enter", "all that is known of a row; of a type of events: follow it"),
    ("f", "follow a type of events by its name"),
    ("r", "restart the worker, or reconnect the shard, that is selected"),
    ("h", "the hosts that workers run on"),
    ("!", "all that is wrong, whole"),
    ("d  q", "dark or light; quit"),
]
"""What keys do."""


Item = ShardStatus | WorkerStatus | SubscriberStatus | Happening


def title(item: Item) -> str:
    """Return what stands above what is known of a row."""
    match item:
        case ShardStatus():
            return f"shard {item.shard_id}"
        case WorkerStatus():
            return f"worker {item.slot}"
        case SubscriberStatus():
            return f"subscriber {printable(item.name)}"
        case Happening():
            return f"at {datetime.fromtimestamp(item.at):%Y-%m-%d %H:%M:%S}"


def known(item: Item, status: ClusterStatus) -> Facts | None:
    """Return what a status says of the row that this one was before; None: it is no more."""
    match item:
        case ShardStatus():
            shards = (of_shard(s, status) for s in status.shards if s.shard_id == item.shard_id)
            return next(shards, None)
        case WorkerStatus():
            workers = (of_worker(w, status) for w in status.workers if w.slot == item.slot)
            return next(workers, None)
        case SubscriberStatus():
            who = (item.name, item.pid)
            found = (of_subscriber(s) for s in status.subscribers if (s.name, s.pid) == who)
            return next(found, None)
        case Happening():
            return of_happening(item)


def of_shard(shard: ShardStatus, status: ClusterStatus) -> Facts:
    """Return all that is known of a shard, a name and a value each."""
    host = next((w.host for w in status.workers if w.slot == shard.worker), "")
    next_try = "-" if shard.next_try_s is None else f"in {span(shard.next_try_s)}"
    return [
        ("state", explained(shard.state)),
        ("why", printable(shard.detail) or "-"),
        ("next try", next_try),
        ("worker", f"{shard.worker}{f' on host {host}' if host else ''}"),
        ("session", f"{span(shard.session_age_s)} old, epoch {shard.epoch}, seq {shard.seq:,}"),
        ("events", f"{shard.events:,}, {rate(shard.events_per_s)} a second"),
        ("last event", f"{span(shard.silent_s)} ago{' (silent)' if shard.too_silent else ''}"),
        ("heartbeat", f"{ms(shard.heartbeat_ms)}, {count(shard.late_acks, 'late answer')}"),
        ("guilds", f"{shard.guilds:,}"),
        ("reconnects", causes(shard) or "none"),
        ("left out", f"{count(shard.unplaced, 'frame')} without a place"),
    ]


def of_worker(worker: WorkerStatus, status: ClusterStatus) -> Facts:
    """Return all that is known of a worker."""
    own = [shard.shard_id for shard in status.shards if shard.worker == worker.slot]
    journal = f"reaches back {span(worker.journal_seconds)}, {size(worker.journal_bytes)} on disk"
    return [
        ("state", worker.state),
        ("why", printable(worker.detail) or "-"),
        ("process", f"pid {worker.pid or '-'}, up {span(worker.uptime_s)}"),
        *([("host", worker.host or "none yet")] if status.hosts else []),
        ("version", worker.version or "not known"),
        ("restarts", str(worker.restarts)),
        ("shards", f"{worker.shards_ready} of {worker.shards} ready: {named(own, 12)}"),
        ("events", f"{rate(worker.events_per_s)} a second"),
        ("CPU", f"{worker.cpu_percent:.1f} % of a core"),
        ("memory", f"{size(worker.rss_bytes)} of its own"),
        (
            "journal",
            journal
            if worker.journalling
            else "suspended: it can't be written, a crash loses events",
        ),
        ("unpublished", count(worker.unpublished, "record")),
    ]


def of_hosts(hosts: Sequence[HostStatus]) -> Facts:
    """Return what is known of all hosts, some lines each."""
    if not hosts:
        return [("", "none has joined: workers run beside the coordinator, or wait for hosts")]
    facts: Facts = []
    for host in hosts:
        cpu, memory = percent(host.cpu_percent), percent(host.memory_percent)
        free = "-" if host.disk_free_bytes is None else size(host.disk_free_bytes)
        facts += [
            (host.name, f"{host_state(host).plain}, heard {ago(host.heard_s)}"),
            ("", f"{room(host)} workers, {host.shards_ready}/{host.shards} shards ready, "
                 f"{rate(host.events_per_s)} events/s"),
            ("", f"CPU {cpu}, memory {memory}, disk free {free}"),
        ]  # fmt: skip
        if host.address or host.version:
            facts.append(("", printable(f"{host.address} {host.version}".strip())))
        if host.detail:
            facts.append(("", printable(host.detail)))
    return facts


def of_subscriber(subscriber: SubscriberStatus) -> Facts:
    """Return all that is known of a subscriber."""
    reasons = ", ".join(f"{n}x {why}" for why, n in subscriber.gap_reasons.items())
    return [
        ("pid", str(subscriber.pid)),
        ("lag", count(subscriber.lag, "event")),
        ("events", f"{subscriber.events:,} in {span(subscriber.since_s)}"),
        ("gaps", f"{subscriber.gaps:,}{f' ({reasons})' if reasons else ''}"),
        ("replays", f"{subscriber.replays:,}; {subscriber.misses:,} things missed at the hub"),
        ("left out", f"{subscriber.fenced:,} messages of epochs that were over"),
        ("unfit", f"{subscriber.unfit:,}"),
        *((f"  {printable(place)}", f"{n:,}") for place, n in subscriber.misfits.items()),
        ("lacks", ", ".join(subscriber.lacks) or "no intent"),
    ]


def of_happening(happening: Happening) -> Facts:
    """Return all that is known of a happening."""
    facts = [("what", printable(happening.text)), ("how bad", str(happening.severity))]
    if happening.cause:
        facts.append(("why", printable(happening.cause)))
    if happening.count > 1:
        facts.append(("how often", f"{happening.count:,} times in {span(happening.seconds)}"))
    if happening.shards:
        facts.append(("shards", ranges(happening.shards, 12)))
    return facts


def question_of_worker(worker: WorkerStatus) -> str:
    """Return what is asked before a worker is restarted."""
    what = "Its session is" if worker.shards == 1 else f"Its {worker.shards} sessions are"
    return (
        f"Restart worker {worker.slot}? {what} closed and resumed: "
        "no event is lost, no identify spent."
    )


def question_of_shard(shard: ShardStatus) -> str:
    """Return what is asked before a shard gets another connection."""
    return (
        f"Give shard {shard.shard_id} another connection? Its session is resumed; "
        "a shard that has given up tries anew, and may spend an identify."
    )
