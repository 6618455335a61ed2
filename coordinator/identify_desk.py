"""Where workers ask for identifies: the limiter, the ledger and the link brought together."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Awaitable, Callable, Iterable
from typing import Final

from cluster.errors import ClusterError
from cluster.wire import link
from cluster.wire.control import BudgetStatus
from coordinator.gateway_info import SessionStartLimit
from coordinator.identify_limiter import Grant, IdentifyLimiter
from coordinator.plan import Plan
from coordinator.store import Store

log = logging.getLogger(__name__)

ASK_AGAIN_S: Final = 30.0
"""After numbers that could not be fetched, a ledger that could not be written, or a reset that
Discord says is now though nothing is left."""


class IdentifyDesk:
    """Gives grants to workers as the limiter allows. `take` numbers before `start`."""

    def __init__(
        self,
        limiter: IdentifyLimiter,
        store: Store,
        *,
        account: str,
        plan: Plan,
        send: Callable[[int, link.ToWorker], bool],
        fetch: Callable[[], Awaitable[SessionStartLimit]],
        clock: Callable[[], float],
        wall: Callable[[], float],
    ) -> None:
        """clock: monotonic seconds. wall: Unix seconds. fetch: the limit of this moment."""
        self._limiter = limiter
        self._store = store
        self._account = account
        self._shard_count = plan.shard_count
        self._slot_of = {s: slot for slot, shards in enumerate(plan.slots) for s in shards}
        self.refused = 0
        """What workers said of shards that are not theirs."""
        self._send = send
        self._fetch = fetch
        self._clock = clock
        self._wall = wall
        self._changed = asyncio.Event()
        self._unanswered: set[int] = set()
        """Shards whose identify was sent, until they are ready."""
        now, unix = clock(), wall()
        for shard, at in store.recent(account, unix - 60.0, unix):
            limiter.close_bucket(shard, now + limiter.interval_s - max(0.0, unix - at))

    def take(self, limit: SessionStartLimit) -> None:
        """Freshly fetched numbers."""
        after = limit.reset_after / 1000
        if limit.remaining <= 0:
            after = max(after, ASK_AGAIN_S)
        unix = self._wall()
        self._store.reset_due(self._account, unix + after, unix)
        self._limiter.refresh(
            total=limit.total,
            remaining=limit.remaining,
            reset_at=self._clock() + after,
            spent=self._store.spent(self._account, unix),
            max_concurrency=limit.max_concurrency,
        )

    def require(self, needed: int) -> None:
        """BudgetError if so many identifies are not left."""
        self._limiter.require(needed, self._clock())

    def handle(
        self, slot: int, message: link.IdentifyRequest | link.IdentifySent | link.IdentifyUnused
    ) -> None:
        """What a worker says of an identify."""
        shard = message.shard_id
        if self._slot_of.get(shard) != slot:
            self.refused += 1
            if self.refused & (self.refused - 1) == 0:  # the 1st, 2nd, 4th ...: no flood of lines
                log.warning("worker %d speaks for shard %d, which is not its own", slot, shard)
            return
        match message:
            case link.IdentifyRequest():
                held = self._limiter.request(shard, slot)
                if held is not None:  # it was given, and the worker does not know
                    self._tell(held, self._store.known(self._shard_count, shard).epoch)
            case link.IdentifySent(grant_id=grant_id):
                self._limiter.sent(shard, grant_id, self._clock())
                self._unanswered.add(shard)
                self._note(lambda: self._store.sent(grant_id, self._wall()))
            case link.IdentifyUnused(grant_id=grant_id):
                if self._limiter.unused(shard, grant_id):
                    self._note(lambda: self._store.unused(grant_id))
        self._changed.set()

    def ready(self, shards: Iterable[int]) -> None:
        """These shards are ready."""
        for shard in self._unanswered.intersection(shards):
            self._unanswered.discard(shard)
            self._limiter.accepted(shard, self._clock())

    def gone(self, slot: int) -> None:
        """The worker of this slot died."""
        for grant in self._limiter.gone(slot, self._clock()):
            log.warning("shard %d's grant is lost with its worker: spent", grant.shard_id)
        self._changed.set()

    def status(self) -> BudgetStatus:
        now, limiter = self._clock(), self._limiter
        return BudgetStatus(
            total=limiter.total,
            remaining=limiter.remaining,
            reset_after_s=max(0.0, limiter.reset_at - now),
            max_concurrency=limiter.max_concurrency,
            spent=self._store.spent(self._account, self._wall()),
            waiting=limiter.waiting(now),
            wait_s=limiter.wait_s(now),
        )

    async def run(self) -> None:
        """Give grants as they fall due, until cancelled."""
        while True:
            self._changed.clear()
            now = self._clock()
            if self._limiter.needs_refresh(now) and not await self._refetch():
                await asyncio.sleep(ASK_AGAIN_S)
                continue
            given = [self._give(grant) for grant in self._limiter.due(now)]
            if not all(given):
                await asyncio.sleep(ASK_AGAIN_S)
                continue
            at = self._limiter.next_at(self._clock())
            try:
                async with asyncio.timeout(None if at is None else max(0.0, at - self._clock())):
                    await self._changed.wait()
            except TimeoutError:
                continue  # a turn has come

    async def _refetch(self) -> bool:
        try:
            self.take(await self._fetch())
        except (ClusterError, sqlite3.Error) as error:
            log.error("the identify budget could not be renewed: %s", error)
            return False
        return True

    def _give(self, grant: Grant) -> bool:
        """False: the ledger can't be written, and the grant was not given."""
        shard = grant.shard_id
        try:
            epoch = self._store.grant(
                grant.grant_id, self._account, self._shard_count, shard, self._wall()
            )
        except sqlite3.Error as error:
            log.error("shard %d gets no grant, the ledger can't be written: %s", shard, error)
            self._limiter.unused(shard, grant.grant_id)
            self._limiter.request(shard, grant.owner)
            return False
        if not self._tell(grant, epoch):
            log.warning("worker %d is not there to take shard %d's grant", grant.owner, shard)
            self._limiter.unused(shard, grant.grant_id)
            self._note(lambda: self._store.unused(grant.grant_id))
        return True

    def _tell(self, grant: Grant, epoch: int) -> bool:
        return self._send(
            grant.owner,
            link.IdentifyGrant(shard_id=grant.shard_id, grant_id=grant.grant_id, epoch=epoch),
        )

    def _note(self, write: Callable[[], None]) -> None:
        """Write to the ledger what makes it more exact; without it, it errs on the safe side."""
        try:
            write()
        except sqlite3.Error as error:
            log.error("the ledger can't be written: %s", error)
