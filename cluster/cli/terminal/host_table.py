"""Makes a table of the hosts that workers run on, and says who waits for one. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from cluster.cli.terminal.colours import state
from cluster.cli.terminal.event_lines import printable
from cluster.cli.terminal.tables import COLLAPSE_OVER, Column, counts, fitted, numbers
from cluster.wire.states import HostState, WorkerState
from cluster.wire.status import HostStatus, WorkerStatus
from cluster.words import count, named, rate, size, span

DROP: Final = (
    "labels", "version", "address", "up", "memory", "CPU", "heard", "workers", "events/s",
    "disk free",
)  # fmt: skip
"""The columns that are left out where it is narrow, in this order."""


def hosts(listed: Sequence[HostStatus], width: int, most: int | None) -> RenderableType:
    """Return a line for each host; of more than `most`, a count of all and those that need a
    look. most: None: all are listed."""
    if most is None or len(listed) <= most:
        return _table(listed, width)
    parts: list[RenderableType] = [counts([host.state for host in listed], "hosts")]
    troubled = [host for host in listed if host.state is not HostState.HERE]
    if troubled:
        parts.append(_table(troubled[:COLLAPSE_OVER], width))
    if (rest := len(troubled) - COLLAPSE_OVER) > 0:
        parts.append(Text(f"... and {rest} more: `dcgw-cluster hosts` lists all", style="dim"))
    return Group(*parts)


def host_state(host: HostStatus) -> Text:
    """Return the state of a host, and what is waited for: "away, given up in 12 s"."""
    text = state(host.state)
    if host.gone_in_s is not None:
        text.append(f", given up in {span(round(host.gone_in_s))}")
    return text


def host_details(listed: Sequence[HostStatus]) -> list[str]:
    """Return a line for each host of which something is to be said."""
    return [f"host {host.name}: {host.detail}" for host in listed if host.detail]


def room(host: HostStatus) -> str:
    """Return how many workers a host has of those that it would run; an unknown share is left
    out."""
    return f"{host.workers}/{host.share}" if host.share else str(host.workers)


def labels(host: HostStatus) -> str:
    """Return what a host says of itself, as "rack=2 disk=ssd"."""
    return printable(" ".join(f"{name}={value}" for name, value in sorted(host.labels.items())))


def memory(size_bytes: int | None) -> str:
    """Return a size; "-" where it is not known."""
    return "-" if size_bytes is None else size(size_bytes)


def percent(value: float | None) -> str:
    """Return a percentage; "-" where it is not known."""
    return "-" if value is None else f"{value:.0f} %"


def _table(listed: Sequence[HostStatus], width: int) -> Table:
    columns = [
        Column("host", False, [Text(host.name) for host in listed]),
        Column("state", False, [host_state(host) for host in listed]),
        Column("address", False, [Text(printable(host.address) or "-") for host in listed]),
        numbers("workers", [room(host) for host in listed]),
        numbers("shards", [f"{host.shards_ready}/{host.shards}" for host in listed]),
        numbers("events/s", [rate(host.events_per_s) for host in listed]),
        numbers("CPU", [percent(host.cpu_percent) for host in listed]),
        numbers("memory", [percent(host.memory_percent) for host in listed]),
        numbers("disk free", [memory(host.disk_free_bytes) for host in listed]),
        Column("version", False, [Text(printable(host.version) or "-") for host in listed]),
        numbers("heard", [ago(host.heard_s) for host in listed]),
        numbers("up", [span(host.uptime_s) for host in listed]),
    ]
    if any(host.labels for host in listed):
        columns.append(Column("labels", False, [Text(labels(host)) for host in listed]))
    return fitted(columns, width, DROP)


def ago(seconds: float | None) -> str:
    """Return when something was: "3 min 5 s ago", or "never"."""
    return "never" if seconds is None else f"{span(seconds)} ago"


def summary(listed: Sequence[HostStatus]) -> Text:
    """Return one line on all hosts: "3 of 4 hosts are here, 1 of them draining, with room for 1
    more worker"."""
    draining = sum(host.state is HostState.DRAINING for host in listed)
    here = draining + sum(host.state is HostState.HERE for host in listed)
    free = sum(max(0, host.share - host.workers) for host in listed if host.takes_workers)
    text = f"{here} of {count(len(listed), 'host')} {'is' if here == 1 else 'are'} here"
    if draining:
        text += f", {draining} of them draining"
    return Text(text + (f", with room for {count(free, 'more worker')}" if free else ""))


def waits(workers: Sequence[WorkerStatus]) -> list[str]:
    """Return for what workers wait before they are started, as "the cluster waits for hosts: 1 of 2
    have joined"."""
    alike: dict[str, list[int]] = {}
    for worker in workers:
        if worker.state is WorkerState.STARTING and worker.detail:
            alike.setdefault(worker.detail, []).append(worker.slot)
    found = []
    for why, slots in alike.items():
        who = named(slots, what="worker")
        if len(slots) == len(workers):
            who = "the cluster"
        elif len(slots) > 1 and why.startswith("waits "):
            why = f"wait {why.removeprefix('waits ')}"
        found.append(f"{who} {why}")
    return found
