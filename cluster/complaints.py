"""What is wrong with a cluster by its status, in words: the same in a terminal and on the page.
Pure.

What may pass by itself is not here (cluster/cli/terminal/status_text.py, `looks`), and neither are
limits that are near (`warnings` of a status).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from cluster.wire.states import HostState, SessionState, WorkerState
from cluster.wire.status import CacheReport, ClusterStatus, HostStatus
from cluster.words import count, named, roughly, size, span

MOST_NAMES: Final = 8
"""How many names a line has; the others are counted."""
IN_TROUBLE: Final = (WorkerState.FAILED, WorkerState.MISSING, WorkerState.RESTARTING)


def complaints(status: ClusterStatus) -> list[str]:
    """Return what a reader must act on, a line each: what gave up, failed, or can't keep the
    promise."""
    lines: dict[str, list[int]] = {}
    for shard in status.shards:
        if shard.state is SessionState.FATAL:
            lines.setdefault(shard.detail, []).append(shard.shard_id)
    found = [f"{named(ids)} gave up: {detail}" for detail, ids in lines.items()]
    found += host_complaints(status.hosts)
    # What is wrong with the workers of a host that is away is that it is away.
    away = {host.name for host in status.hosts if host.state is HostState.AWAY}
    found += [
        f"worker {worker.slot} {worker.state}: {worker.detail}"
        for worker in status.workers
        if worker.detail and worker.state in IN_TROUBLE and worker.host not in away
    ]
    found += [
        f"worker {worker.slot} can't write its journal: a crash now would lose events"
        for worker in status.workers
        if not worker.journalling and worker.state is WorkerState.RUNNING
    ]
    found += _silent(status)
    found += cache_complaints(status.cache)
    if status.budget.trouble:
        again = status.budget.asked_again_s
        when = "" if again is None else f"; it is asked again in {roughly(again)}"
        found.append(f"{status.budget.trouble}{when}")
    return [*found, *status.troubles]


def host_complaints(hosts: Sequence[HostStatus]) -> list[str]:
    """Return a line on the hosts that are away, and one on those that are gone."""
    found = []
    if away := [host for host in hosts if host.state is HostState.AWAY]:
        waits = [host.gone_in_s for host in away if host.gone_in_s is not None]
        when = f" in {span(round(min(waits)))}" if waits else ""
        are, which = ("is", "it") if len(away) == 1 else ("are", "the first")
        shards = sum(host.shards for host in away)
        have = f" with {count(shards, 'shard')}" if shards else ""
        found.append(
            f"{named_hosts(away)} {are} away{have}, not heard of {_silence(away)}: {which} is "
            f"given up{when}, and its shards are resumed on other hosts"
        )
    if gone := [host for host in hosts if host.state is HostState.GONE and not host.left]:
        are, agent, which = "is", "its agent", "if it"
        if len(gone) > 1:
            are, agent, which = "are", "their agents", "for one that"
        found.append(
            f"{named_hosts(gone)} {are} gone, not heard of {_silence(gone)}, and the shards go to "
            f"other hosts: start {agent} again, or `dcgw-cluster drain {gone[0].name}` {which} "
            "will not come back"
        )
    return found


def cache_complaints(cache: CacheReport | None) -> list[str]:
    """Return a line on the guilds of unknown age, one on those that the cache has never seen, and
    one where it takes nothing in."""
    if cache is None:
        return []
    found = []
    if cache.full:
        found.append(
            f"the cache takes nothing in: it has {size(cache.max_bytes)} and needs more, "
            "cache.bytes in the configuration"
        )
    for guilds, shards, why in (
        (cache.stale, cache.stale_shards, "of unknown age in the cache, since events were missed"),
        (cache.unseen, cache.unseen_shards, "unknown to the cache"),
    ):
        if guilds:
            of = f" of {named(shards, MOST_NAMES)}" if shards else ""
            are = "is" if guilds == 1 else "are"
            found.append(
                f"{count(guilds, 'guild')}{of} {are} {why}; `dcgw-cluster refresh --shard "
                f"{shards[0] if shards else 'N'}` fetches a shard's anew, for an identify"
            )
    return found


def named_hosts(hosts: Sequence[HostStatus]) -> str:
    """Return the names of hosts in short: "host a", "hosts a, b and 3 others"."""
    names = ", ".join(host.name for host in hosts[:MOST_NAMES])
    rest = len(hosts) - MOST_NAMES
    more = f" and {rest} other{'' if rest == 1 else 's'}" if rest > 0 else ""
    return f"host{'' if len(hosts) == 1 else 's'} {names}{more}"


def _silence(hosts: Sequence[HostStatus]) -> str:
    known = [host.heard_s for host in hosts if host.heard_s is not None]
    if not known:
        return "since this coordinator started"
    return f"for {span(round(min(known)))}{' or longer' if len(hosts) > 1 else ''}"


def _silent(status: ClusterStatus) -> list[str]:
    silent = [shard for shard in status.shards if shard.too_silent]
    if not silent:
        return []
    ids = [shard.shard_id for shard in silent]
    least = span(min(shard.silent_s or 0.0 for shard in silent))
    longer = " or longer" if len(ids) > 1 else ""
    are = "are silent: they" if len(ids) > 1 else "is silent: it"
    return [
        f"{named(ids)} {are} brought nothing for {least}{longer} while others did: "
        f"`dcgw-cluster restart --shard {ids[0]}` gives a shard another connection"
    ]
