"""Identifies of a client that a cluster grants which runs for the same bot: it has one queue and
one budget for all.

See docs/identifies.md, "Programs outside".
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Awaitable, Callable
from typing import Literal, Protocol

from cluster.discord.gateway_bot import GatewayInfo
from cluster.errors import ClusterError, ConfigError
from cluster.identify.request import Identify
from shard_worker.client.local_identifies import Claimant, Fetch, unforeseen

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
    """The Identifies of one client that has a broker.

    A question is over when it is answered. What becomes of a grant is told by a task of its own,
    for which nobody waits: a broker that does not hear of it takes the grant for spent, which is
    no reason to end a session.
    """

    def __init__(self, broker: IdentifyBroker, shard_count: int) -> None:
        self._broker = broker
        self._shard_count = shard_count
        self._asking: asyncio.Task[None] | None = None
        """What waits for the broker's grant."""
        self._numbers = itertools.count(1)
        self._given: dict[int, Identify] = {}
        """Grants of which the client has not said what became of them, by their number."""
        self._unanswered: tuple[int, Identify] | None = None
        """The last identify that was sent, until its READY."""
        self._telling: set[asyncio.Task[None]] = set()

    def owner(self) -> int:
        return 0

    def take(self, info: GatewayInfo, asked_at: float) -> None:
        """Do nothing: the broker has numbers of its own."""

    def request(self, shard_id: int, owner: int, claimant: Claimant, fetch: Fetch) -> None:
        if self._asking is None:
            task = asyncio.get_running_loop().create_task(self._ask(shard_id, claimant))
            task.add_done_callback(lambda done: self._on_asked(done, claimant))
            self._asking = task

    async def _ask(self, shard_id: int, claimant: Claimant) -> None:
        try:
            grant = self._broker.request_identify(shard_id, self._shard_count)
            await grant.granted()
        except ClusterError as error:
            self._asking = None
            claimant.refused(error)
            return
        self._asking = None  # it may want another before the broker has heard of this one
        number = next(self._numbers)
        self._given[number] = grant
        claimant.granted(number)

    def _on_asked(self, task: asyncio.Task[None], claimant: Claimant) -> None:
        if task.cancelled() or (error := task.exception()) is None:
            return
        self._asking = None
        log.error("asking for an identify failed", exc_info=error)
        claimant.refused(unforeseen(error))

    def sent(self, shard_id: int, grant_id: int) -> None:
        if grant := self._given.pop(grant_id, None):
            self._unanswered = grant_id, grant
            self._tell(grant.sent, "an identify that was sent")

    def unused(self, shard_id: int, grant_id: int) -> None:
        if grant := self._given.pop(grant_id, None):
            self._tell(grant.unused, "a grant that went unused")

    def accepted(self, shard_id: int, grant_id: int) -> None:
        """Let the broker know, which may then grant the next identify earlier."""
        if self._unanswered is not None and self._unanswered[0] == grant_id:
            _, grant = self._unanswered
            self._unanswered = None
            self._tell(grant.ready, "a READY")

    def gone(self, owner: int) -> None:
        """Ask no more. What is being told is told: it has happened."""
        if self._asking is not None:
            self._asking.cancel()
            self._asking = None

    def _tell(self, word: Callable[[], Awaitable[None]], what: str) -> None:
        async def tell() -> None:
            try:
                await word()
            except ClusterError as error:
                log.info("the broker did not hear of %s: %s", what, error)

        task = asyncio.get_running_loop().create_task(tell())
        self._telling.add(task)
        task.add_done_callback(self._on_told)

    def _on_told(self, task: asyncio.Task[None]) -> None:
        self._telling.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("the broker could not be told", exc_info=error)
