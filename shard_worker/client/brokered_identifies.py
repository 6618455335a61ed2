"""Identifies of a client that a cluster grants which runs for the same bot: it has one queue and
one budget for all.

See docs/identifies.md, "Programs outside".
"""

from __future__ import annotations

import asyncio
import logging
from typing import Literal, Protocol

from cluster.discord.gateway_bot import GatewayInfo
from cluster.errors import ClusterError, ConfigError
from cluster.identify.request import Identify
from shard_worker.client.local_identifies import Claimant, Fetch

log = logging.getLogger(__name__)


class IdentifyBroker(Protocol):
    """Whoever grants identifies: a ControlClient."""

    def request_identify(self, shard_id: int, shard_count: int = 0) -> Identify: ...


def check(broker: object, kind: Literal["bot", "user"]) -> None:
    """Raise ConfigError for a broker that can grant nothing, and for an account that shares its
    identifies with nobody."""
    if broker is not None and kind == "user":
        raise ConfigError(
            "identifies is given with capabilities",
            "a user account has one session and nobody to share its identifies with: leave it out",
        )
    if broker is not None and not callable(getattr(broker, "request_identify", None)):
        raise ConfigError(f"identifies is {broker!r}", "give a ControlClient")


class BrokeredIdentifies:
    """The Identifies of one client that has a broker."""

    def __init__(self, broker: IdentifyBroker, shard_count: int) -> None:
        self._broker = broker
        self._shard_count = shard_count
        self._waiting: asyncio.Task[None] | None = None
        self._grant: Identify | None = None
        """The grant of an identify that was sent and not answered yet."""
        self._used = False
        self._notices: set[asyncio.Task[None]] = set()
        """Tasks that let the broker know of a READY."""

    def owner(self) -> int:
        return 0

    def take(self, info: GatewayInfo, asked_at: float) -> None:
        """Do nothing: the broker has numbers of its own."""

    def request(self, shard_id: int, owner: int, claimant: Claimant, fetch: Fetch) -> None:
        if self._waiting is None:
            task = asyncio.get_running_loop().create_task(self._identify(shard_id, claimant))
            task.add_done_callback(self._on_identified)
            self._waiting = task

    async def _identify(self, shard_id: int, claimant: Claimant) -> None:
        grant = self._broker.request_identify(shard_id, self._shard_count)
        try:
            async with grant:
                self._used = False
                claimant.granted(0)
                if self._used:
                    self._grant = grant
                    await grant.sent()
                else:
                    await grant.unused()
        except ClusterError as error:
            claimant.refused(error)

    def _on_identified(self, task: asyncio.Task[None]) -> None:
        if self._waiting is task:
            self._waiting = None

    def sent(self, shard_id: int, grant_id: int) -> None:
        self._used = True

    def unused(self, shard_id: int, grant_id: int) -> None:
        self._used = False

    def accepted(self, shard_id: int, grant_id: int) -> None:
        """Let the broker know, which may then grant the next identify earlier; nobody waits for its
        answer."""
        grant, self._grant = self._grant, None
        if grant is not None:
            task = asyncio.get_running_loop().create_task(self._notify(grant))
            self._notices.add(task)
            task.add_done_callback(self._notices.discard)

    async def _notify(self, grant: Identify) -> None:
        try:
            await grant.ready()
        except ClusterError as error:
            log.info("the broker did not hear of a READY: %s", error)

    def gone(self, owner: int) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None
        for task in self._notices:  # the broker's client may be closed next
            task.cancel()
