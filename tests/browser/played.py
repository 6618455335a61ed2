"""The real HTTP server over a cluster that is played: statuses in place of a coordinator."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any
from unittest import mock

from cluster.errors import ClusterError, NotRunningError
from cluster.wire.happenings import Happening, HappeningKind, Severity
from cluster.wire.states import SessionState
from cluster.wire.status import ClusterStatus, Operation
from coordinator.http import snapshots, stream
from tests.coordinator.http.serving import PlayedCoordinator, served
from tests.coordinator.http.statuses import shard, status, traffic, worker


class PlayedCluster(PlayedCoordinator):
    """Answers as a coordinator does; a test changes what it answers."""

    def __init__(self, shards: int = 2, workers: int = 1, **changed: Any) -> None:
        """changed: fields of the status that are not the usual ones."""
        super().__init__()
        self.shards = [shard(number, worker=number * workers // shards) for number in range(shards)]
        self.workers = [
            worker(slot, shards=len(mine), shards_ready=len(mine))
            for slot in range(workers)
            if (mine := [one for one in self.shards if one.worker == slot])
        ]
        self.changed = changed
        self.away = False
        self.refuses = False
        self.goes_on = asyncio.Event()
        """While it is not set nothing is answered."""
        self.goes_on.set()
        self.rates: dict[str, float] = {}
        """Events a second by type."""
        self.uptime_s = 100.0

    async def status(self) -> ClusterStatus:
        """Return the status, in which a second more has gone by each time."""
        self.asked += 1
        await self.goes_on.wait()
        if self.away:
            raise NotRunningError("the coordinator does not answer")
        self.uptime_s += 1
        events = {name: round(rate * self.uptime_s) for name, rate in self.rates.items()}
        usual = {
            "shards": self.shards,
            "workers": self.workers,
            "traffic": [traffic(0, events=events), traffic(1, events=events)],
            "uptime_s": self.uptime_s,
        }
        return status(**usual | self.changed)

    async def begin(self, verb: str, args: dict[str, Any]) -> Operation:
        """Begin an operation, or refuse it."""
        if self.refuses:
            raise ClusterError("the budget is spent", "wait")
        return await super().begin(verb, args)

    def let(self, place: int, state: SessionState, **changed: Any) -> None:
        """Put a shard into a state."""
        self.shards = list(self.shards)
        self.shards[place] = shard(place, worker=self.shards[place].worker, state=state, **changed)

    def happens(
        self, text: str, kind: HappeningKind, severity: Severity = Severity.INFO, at: float = 0.0
    ) -> None:
        """Let something happen; at: Unix seconds."""
        number = self.happened[-1].number + 1 if self.happened else 1
        self.happened.append(
            Happening(number=number, at=at, kind=kind, severity=severity, text=text)
        )

    async def asked_in_vain(self) -> None:
        """Wait until somebody asks, who gets no answer."""
        asked = self.asked
        while self.asked == asked:  # noqa: ASYNC110  # the page asks, and no event tells of it
            await asyncio.sleep(0.01)

    async def comes_to(self, uptime_s: float) -> None:
        """Wait until so many seconds have gone by in it."""
        while self.uptime_s < uptime_s:  # noqa: ASYNC110  # the page asks, and no event tells of it
            await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def serving(
    cluster: PlayedCluster,
    *,
    token: str = "",
    loopback: bool = True,
    port: int = 0,
    quicker: int = 10,
) -> AsyncIterator[str]:
    """Serve the cluster while the block runs; gives the URL. loopback: whether reading is free, as
    on loopback, where it listens in any case. quicker: so many times as often as else a status is
    had, and a picture sent."""
    with (
        mock.patch.object(stream, "EVERY_S", stream.EVERY_S / quicker),
        mock.patch.object(snapshots, "FRESH_S", snapshots.FRESH_S / quicker),
    ):
        async with served(cluster, token=token, loopback=loopback, port=port) as url:
            yield f"{url}/"
