"""Stops a cluster, and waits until it is gone."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec

from cluster.control import ControlClient
from cluster.endpoints.paths import is_held
from cluster.errors import ClusterError
from cluster.wire.states import SessionState
from cluster.wire.status import ClusterStatus

POLL_S: Final = 0.1
HELD_STATES: Final = frozenset({SessionState.READY, SessionState.RESUMING})
"""The states in which a shard has a session."""


class Stopped(msgspec.Struct, frozen=True, kw_only=True):
    """What was stopped, by the last status before the stop."""

    name: str
    sandbox: bool
    logout: bool
    kept: bool = False
    """Whether the workers go on."""
    on_hosts: bool = False
    """Whether the workers are on other hosts."""
    sessions: int
    shards: int
    events: int

    def __str__(self) -> str:
        one = self.sessions == 1
        count = f"{self.sessions} session{'' if one else 's'}"
        if self.kept:
            key, usual = ("hosts.lease_seconds", 15) if self.on_hosts else ("adopt_seconds", 60)
            return (
                f"Stopped the coordinator of {self.name}: its workers go on with {count} for "
                f"{key} ({usual} unless configured); the next start takes them over."
            )
        if not self.sessions:
            how = "no shard had a session" + (", the sandbox is gone" if self.sandbox else "")
        elif self.sandbox:
            how = f"{count} closed, the sandbox is gone"
        elif self.logout:
            how = f"{count} ended at Discord; the next start will identify"
        else:
            them = "it" if one else "them"
            how = f"{count} closed resumable; the next start resumes {them}, spending no identify"
        if self.sessions and (without := self.shards - self.sessions):
            how += f" ({without} of {self.shards} shards had none)"
        return f"Stopped {self.name}: {how}. {self.events:,} events in all."


async def stop_cluster(
    control: ControlClient,
    lock: Path,
    *,
    logout: bool,
    deadline_s: float,
    keep_workers: bool = False,
    say: Callable[[ClusterStatus], None] | None = None,
) -> Stopped:
    """Ask for a stop and wait until the coordinator's lock is free.

    say: called with the status of the cluster while it winds down, as long as it answers.
    Raises NotRunningError if it was gone already, ClusterError when the deadline passes.
    """
    begun = time.monotonic()
    before = await control.status()
    tasks = [asyncio.ensure_future(control.stop(logout=logout, keep_workers=keep_workers))]
    if say is not None:
        tasks.append(asyncio.ensure_future(_watch(control, say)))
    try:
        # No answer is waited for: whoever goes may take it along. The lock is the truth.
        while is_held(lock):
            if time.monotonic() - begun > deadline_s:
                raise ClusterError(
                    f"the cluster {before.name!r} has not stopped within {deadline_s:g} s",
                    f"look at {lock.parent / 'logs' / 'coordinator.log'}; its pid is {before.pid}",
                )
            for task in tasks:
                if task.done():
                    task.result()
            await asyncio.sleep(POLL_S)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return Stopped(
        name=before.name,
        sandbox=before.sandbox,
        logout=logout,
        kept=keep_workers,
        on_hosts=bool(before.hosts),
        sessions=sum(shard.state in HELD_STATES for shard in before.shards),
        shards=len(before.shards),
        events=before.events,
    )


async def _watch(control: ControlClient, say: Callable[[ClusterStatus], None]) -> None:
    try:
        while True:
            say(await control.status())
            await asyncio.sleep(POLL_S)
    except ClusterError:
        pass  # the coordinator closes its control endpoint first; the lock tells the rest
