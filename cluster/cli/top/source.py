"""Where ``top`` gets from what it shows, and whom it asks to do something."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Protocol

from cluster.control import ControlClient
from cluster.discord.event_names import event_names
from cluster.endpoints.curve_keys import ClientKeys
from cluster.subscriber import Item, Subscriber
from cluster.wire.happenings import Happenings
from cluster.wire.status import ClusterStatus

PATIENCE_S = 3.0
"""How long an answer may take before it is said that none comes."""


class Source(Protocol):
    """A cluster, as `top` sees it. Every method raises ClusterError."""

    async def status(self) -> ClusterStatus:
        """Return how the cluster is."""

    async def happenings(self, after: int) -> Happenings:
        """Return what happened after the happening of this number."""

    async def restart_worker(self, worker: int) -> str:
        """Restart a worker; return what was done when it is."""

    async def restart_shard(self, shard: int) -> str:
        """Give a shard another connection; return what was done when it is."""

    def events(self, name: str) -> AsyncIterator[Item]:
        """Yield the events of one type from now on."""


class ClusterSource:
    """A cluster that runs, asked over its control endpoint."""

    def __init__(self, control: ControlClient, keys: ClientKeys | None = None) -> None:
        """keys: of a cluster on another host."""
        self._control = control
        self._keys = keys

    async def status(self) -> ClusterStatus:
        return await self._control.status()

    async def happenings(self, after: int) -> Happenings:
        return await self._control.happenings(after)

    async def restart_worker(self, worker: int) -> str:
        return await self._control.restart_worker(worker)

    async def restart_shard(self, shard: int) -> str:
        return await self._control.restart_shard(shard)

    async def events(self, name: str) -> AsyncIterator[Item]:
        if self._keys is not None:
            subscriber = Subscriber(
                events=event_names(name), keys=self._keys, name="dcgw-cluster top"
            )
        else:
            status = await self._control.status()
            subscriber = Subscriber(
                status.hubs,
                events=event_names(name),
                replay=status.replay_endpoint,
                control=self._control.endpoint,
                name="dcgw-cluster top",
            )
        async with subscriber:
            async for item in subscriber:
                yield item
