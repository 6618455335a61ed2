"""Grants identifies to the clients of this process, as a coordinator does to its shards.

All clients of one account on one event loop share a limiter, with Discord's numbers: one identify
per bucket in 5 s, and no more than are left of the day. A client that a cluster runs beside knows
nothing of the cluster's identifies (docs/identifies.md says how to share them).
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Awaitable, Callable
from typing import Final, Protocol, Self
from weakref import WeakKeyDictionary

from cluster.clocks import whole_ms
from cluster.discord.gateway_bot import GatewayInfo
from cluster.errors import ClusterError
from cluster.identify.limiter import IdentifyLimiter, over_budget

log = logging.getLogger(__name__)

ASK_AGAIN_S: Final = 30.0
"""Seconds until Discord is asked again, after numbers that could not be had, or that say nothing is
left though the day is over."""

Fetch = Callable[[], Awaitable[GatewayInfo]]
"""Asks Discord how many identifies are left."""


class Claimant(Protocol):
    """Whoever waits for a grant."""

    def granted(self, grant_id: int) -> None:
        """Identify now. Whether the identify was sent is said by ``sent`` or ``unused``, soon."""

    def refused(self, error: ClusterError) -> None:
        """There will be no grant."""


class Identifies(Protocol):
    """Whoever grants identifies to clients: this process, or a cluster's coordinator."""

    def owner(self) -> int:
        """Return a number for a client, by which it is known here."""

    def take(self, info: GatewayInfo, asked_at: float) -> None:
        """Take Discord's numbers. asked_at: the loop's time when they were asked for."""

    def request(self, shard_id: int, owner: int, claimant: Claimant, fetch: Fetch) -> None:
        """Grant this client an identify, or refuse it, through `claimant`. fetch: asks Discord for
        its numbers."""

    def sent(self, shard_id: int, grant_id: int) -> None:
        """The identify went out now."""

    def unused(self, shard_id: int, grant_id: int) -> None:
        """The identify did not go out, and will not."""

    def accepted(self, shard_id: int, grant_id: int) -> None:
        """The READY of the identify came now."""

    def gone(self, owner: int) -> None:
        """This client waits no more."""


class LocalIdentifies:
    """The Identifies of one account on one event loop, for all clients that have no broker."""

    def __init__(self) -> None:
        self._limiter = IdentifyLimiter()
        self._numbers = itertools.count()
        self._waiting: dict[int, tuple[Claimant, Fetch]] = {}
        self._known = False
        """Whether Discord's numbers were had."""
        self._ask_at = float("-inf")
        self._changed: asyncio.Event | None = None
        self._running: asyncio.Task[None] | None = None

    @classmethod
    def of_account(cls, account: str) -> Self:
        """Return that of this account on the running loop. account: whatever tells it from
        others."""
        pools = _POOLS.setdefault(asyncio.get_running_loop(), {})
        pool = pools.setdefault(account, cls())
        assert isinstance(pool, cls)
        return pool

    def owner(self) -> int:
        return next(self._numbers)

    def take(self, info: GatewayInfo, asked_at: float) -> None:
        limit = info.session_start_limit
        after = limit.reset_after / 1000
        if limit.remaining <= 0:
            after = max(after, ASK_AGAIN_S)
        self._known = True
        self._limiter.refresh(
            total=limit.total,
            remaining=limit.remaining,
            reset_at=asyncio.get_running_loop().time() + after,
            spent=0,  # of other processes nothing is known but what Discord says
            max_concurrency=limit.max_concurrency,
            asked_at=asked_at,
        )

    def request(self, shard_id: int, owner: int, claimant: Claimant, fetch: Fetch) -> None:
        self._waiting[owner] = claimant, fetch
        self._limiter.request(shard_id, owner)
        if self._running is None:
            self._changed = asyncio.Event()
            self._running = asyncio.get_running_loop().create_task(self._run())
        elif self._changed is not None:
            self._changed.set()

    def sent(self, shard_id: int, grant_id: int) -> None:
        self._limiter.sent(shard_id, grant_id, asyncio.get_running_loop().time())

    def unused(self, shard_id: int, grant_id: int) -> None:
        self._limiter.unused(shard_id, grant_id)

    def accepted(self, shard_id: int, grant_id: int) -> None:
        self._limiter.accepted(shard_id, grant_id, asyncio.get_running_loop().time())

    def gone(self, owner: int) -> None:
        self._waiting.pop(owner, None)
        self._limiter.gone(owner, asyncio.get_running_loop().time())
        if self._changed is not None:
            self._changed.set()

    async def _run(self) -> None:
        """Grant, as long as anybody waits."""
        assert self._changed is not None
        loop = asyncio.get_running_loop()
        try:
            while self._waiting:
                self._changed.clear()
                await self._renew(loop.time())
                self._grant_due(loop.time())
                if not self._waiting:
                    break
                due = self._limiter.next_at(loop.time())
                try:
                    async with asyncio.timeout_at(None if due is None else whole_ms(due)):
                        await self._changed.wait()
                except TimeoutError:
                    pass  # the next grant is due
        except Exception as error:
            log.exception("identifies can't be granted")
            self._refuse(unforeseen(error))
        finally:
            self._running = self._changed = None

    async def _renew(self, now: float) -> None:
        """Ask for new numbers where the old ones are no good. Where there are none to be had, the
        old ones hold as long as they allow anything."""
        old = not self._known or self._limiter.stale(now) or self._limiter.needs_refresh(now)
        if not old or now < self._ask_at or not self._waiting:
            return
        _, fetch = next(iter(self._waiting.values()))
        try:
            self.take(await fetch(), now)
        except ClusterError as error:
            self._ask_at = asyncio.get_running_loop().time() + ASK_AGAIN_S
            if self._known and self._limiter.available:
                log.warning("identifies go by older numbers: %s", error)
            else:
                self._refuse(error)

    def _grant_due(self, now: float) -> None:
        limiter = self._limiter
        for grant in limiter.due(now):
            assert isinstance(grant.owner, int)
            waiting = self._waiting.pop(grant.owner, None)
            if waiting is None:
                limiter.unused(grant.shard_id, grant.grant_id)
            else:
                waiting[0].granted(grant.grant_id)
        if self._waiting and not limiter.available:
            self._refuse(
                over_budget(
                    len(self._waiting),
                    remaining=limiter.remaining,
                    total=limiter.total,
                    reserve=0,
                    reset_after_s=limiter.reset_at - now,
                )
            )

    def _refuse(self, error: ClusterError) -> None:
        """Refuse all who wait."""
        waiting, self._waiting = self._waiting, {}
        for owner, (claimant, _) in waiting.items():
            self._limiter.gone(owner, asyncio.get_running_loop().time())
            claimant.refused(error)


def unforeseen(error: BaseException) -> ClusterError:
    """Return the refusal of who waits for a grant that will not come, by an error of whatever
    kind."""
    return ClusterError(
        f"no identify can be had ({type(error).__name__}: {error})",
        "connect again; the log has more",
    )


_POOLS: Final[WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, LocalIdentifies]]] = (
    WeakKeyDictionary()
)
"""Event loop -> account -> its identifies. They outlive their clients: a bucket stays closed for
whoever connects next."""
