"""Where identifies are asked for: the limiter, the ledger, the workers' link and those outside."""

from __future__ import annotations

import asyncio
import logging
import secrets
import sqlite3
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, Final, Protocol

from cluster.decode_errors import worth_saying
from cluster.discord.gateway_bot import SessionStartLimit
from cluster.errors import ClusterError, RateLimitedError
from cluster.identify.bucket import Grant, Outsider
from cluster.identify.limiter import IdentifyLimiter
from cluster.wire import link
from cluster.wire.identifies import Budget, Budgeted
from cluster.wire.status import BudgetStatus
from coordinator.identifies.external import ExternalIdentifies
from coordinator.identifies.ledger import IdentifyLedger
from coordinator.sharding.assignments import Assignments
from coordinator.verb import Verb, args_of

log = logging.getLogger(__name__)

ASK_AGAIN_S: Final = 30.0
"""After numbers that could not be fetched, a ledger that could not be written, or a reset that
Discord says is now though nothing is left."""

IdentifyWord = link.IdentifyRequest | link.IdentifySent | link.IdentifyUnused
Send = Callable[[int, link.ToWorker], bool]


class GrantQueue(Protocol):
    """Where the workers of a coordinator ask: here, or by a broker (brokered_queue.py)."""

    def require(self, needed: int) -> None:
        """BudgetError if so many identifies are not left."""

    def handle(self, slot: int, message: IdentifyWord) -> None:
        """What a worker says of an identify."""

    def ready(self, slot: int, shards: Iterable[int]) -> None:
        """These shards of the worker of this slot are ready."""

    def withdraw(self, slot: int, shard: int) -> None:
        """This shard is no more with the worker of this slot."""

    def gone(self, slot: int) -> None:
        """The worker of this slot died."""

    def status(self) -> BudgetStatus: ...

    def verbs(self) -> Mapping[str, Verb]:
        """What may be asked from outside."""

    async def run(self) -> None:
        """Give grants as they fall due, until cancelled."""


class Owners:
    """Which worker speaks for which shard."""

    def __init__(self, assignments: Assignments) -> None:
        self._assignments = assignments
        self.refused = 0
        """What workers said of shards that are not theirs."""

    def allow(self, slot: int, shard: int) -> bool:
        """Whether this worker may speak for this shard. One that had it may still have to say what
        became of a grant; what it asks for it will not use, and says so."""
        if self._assignments.had(slot, shard):
            return True
        self.refused += 1
        if worth_saying(self.refused):
            log.warning("worker %d speaks for shard %d, which is not its own", slot, shard)
        return False

    def shard_count(self, slot: int) -> int:
        """Of the shards of this worker."""
        return self._assignments.shard_count(slot)


class IdentifyQueue:
    """Gives grants as the limiter allows. `take` numbers before `run`."""

    def __init__(
        self,
        limiter: IdentifyLimiter,
        ledger: IdentifyLedger,
        *,
        owners: Owners,
        send: Send,
        fetch: Callable[[], Awaitable[SessionStartLimit]],
        clock: Callable[[], float],
        store_id: str,
        account: str,
        reserve: int = 0,
    ) -> None:
        """fetch: the limit of this moment. clock: monotonic seconds. account: its account_key, with
        the store id as salt."""
        self._limiter = limiter
        self._ledger = ledger
        self._owners = owners
        self._send = send
        self._fetch = fetch
        self._clock = clock
        self._store_id = store_id
        self._account = account
        self._reserve = reserve
        self._changed = asyncio.Event()
        self._unanswered: dict[tuple[int, int], int] = {}
        """(slot, shard) of an identify that was sent, until it is ready, and its grant id."""
        self._renewing: asyncio.Task[None] | None = None
        self._renew_at = float("-inf")
        """Numbers that could not be had are not asked for again before."""
        self._run = secrets.token_hex(4)
        self._troubles: dict[str, str] = {}
        """What keeps grants back besides the limits, by what it is of."""
        self._external = ExternalIdentifies(
            limiter, ledger, account=account, changed=self._changed.set, clock=clock
        )
        for shard, ago in ledger.recent():
            limiter.close_bucket(shard, clock() + limiter.interval_s - ago)

    def take(self, limit: SessionStartLimit, asked_at: float) -> None:
        """Freshly fetched numbers, asked for at this time of the clock."""
        after = limit.reset_after / 1000
        if limit.remaining <= 0:
            after = max(after, ASK_AGAIN_S)
        self._ledger.reset_due(after)
        self._limiter.refresh(
            total=limit.total,
            remaining=limit.remaining,
            reset_at=self._clock() + after,
            spent=self._ledger.spent(),
            max_concurrency=limit.max_concurrency,
            asked_at=asked_at,
        )

    def require(self, needed: int) -> None:
        """BudgetError if so many identifies are not left."""
        self._limiter.require(needed, self._clock())

    def handle(self, slot: int, message: IdentifyWord) -> None:
        """What a worker says of an identify."""
        shard = message.shard_id
        if not self._owners.allow(slot, shard):
            return
        match message:
            case link.IdentifyRequest():
                held = self._limiter.request(shard, slot)
                if held is not None:  # it was given, and the worker does not know
                    epoch = self._ledger.epoch(self._owners.shard_count(slot), shard)
                    self._tell(slot, held, epoch)
            case link.IdentifySent(grant_id=grant_id):
                self._limiter.sent(shard, grant_id, self._clock())
                self._unanswered[slot, shard] = grant_id
                self._ledger.sent(grant_id)
            case link.IdentifyUnused(grant_id=grant_id):
                if self._limiter.unused(shard, grant_id):
                    self._ledger.unused(grant_id)
        self._changed.set()

    def ready(self, slot: int, shards: Iterable[int]) -> None:
        """These shards of the worker of this slot are ready."""
        for of in self._unanswered.keys() & {(slot, shard) for shard in shards}:
            self._limiter.accepted(of[1], self._unanswered.pop(of), self._clock())

    def withdraw(self, slot: int, shard: int) -> None:
        """This shard is no more with the worker of this slot."""
        self._limiter.withdraw(shard, slot)
        self._unanswered.pop((slot, shard), None)
        self._changed.set()

    def gone(self, slot: int) -> None:
        """The worker of this slot died."""
        for grant in self._limiter.gone(slot, self._clock()):
            log.warning("shard %d's grant is lost with its worker: spent", grant.shard_id)
        for of in [of for of in self._unanswered if of[0] == slot]:
            del self._unanswered[of]
        self._changed.set()

    def status(self) -> BudgetStatus:
        now, limiter = self._clock(), self._limiter
        own = [(at, c.shard_id) for at, c in limiter.turns(now) if isinstance(c.owner, int)]
        return BudgetStatus(
            total=limiter.total,
            remaining=limiter.remaining,
            reset_after_s=max(0.0, limiter.reset_at - now),
            max_concurrency=limiter.max_concurrency,
            spent=self._ledger.spent(),
            waiting=[shard for _, shard in own],
            wait_s=max((at for at, _ in own), default=now) - now,
            outside=self._external.claims(),
            trouble="; ".join(self._troubles.values()),
        )

    def verbs(self) -> Mapping[str, Verb]:
        """What programs outside may ask."""
        return {**self._external.verbs(), "identify_budget": self._budget}

    async def _budget(self, args: dict[str, Any]) -> Budget:
        """args: Budgeted."""
        asker, limiter = args_of(args, Budgeted).asker, self._limiter
        return Budget(
            store_id=self._store_id,
            account=self._account,
            total=limiter.total,
            remaining=limiter.remaining,
            reserve=self._reserve,
            reset_after_s=max(0.0, limiter.reset_at - self._clock()),
            max_concurrency=limiter.max_concurrency,
            wait_s=self._external.wait_s(asker) if asker else 0.0,
            run=self._run,
        )

    # -- turns ----------------------------------------------------------------------------------

    async def run(self) -> None:
        """Give grants as they fall due, until cancelled."""
        try:
            while True:
                await self._turn()
        finally:
            if self._renewing is not None:
                self._renewing.cancel()
                await asyncio.gather(self._renewing, return_exceptions=True)

    async def _turn(self) -> None:
        """Give what is due, and wait until something else may be."""
        self._changed.clear()
        if self._renewing is not None and self._renewing.done():
            done, self._renewing = self._renewing, None
            done.result()  # what was not foreseen is no state to go on in
        now = self._clock()
        if self._limiter.needs_refresh(now):
            await asyncio.shield(self._renew())
            await asyncio.sleep(max(0.0, self._renew_at - self._clock()))
            return
        if self._limiter.stale(now) and now >= self._renew_at:
            self._renew()
        given = [self._give(grant) for grant in self._limiter.due(now)]
        if not all(given):
            await asyncio.sleep(ASK_AGAIN_S)
            return
        at = self._limiter.next_at(self._clock())
        try:
            async with asyncio.timeout(None if at is None else max(0.0, at - self._clock())):
                await self._changed.wait()
        except TimeoutError:
            return  # a turn has come

    def _renew(self) -> asyncio.Task[None]:
        """Fetch the numbers, once at a time."""
        if self._renewing is None:
            self._renewing = asyncio.create_task(self._refetch(), name="identify budget")
            self._renewing.add_done_callback(lambda _: self._changed.set())
        return self._renewing

    async def _refetch(self) -> None:
        asked_at = self._clock()
        try:
            self.take(await self._fetch(), asked_at)
        except (ClusterError, sqlite3.Error) as error:
            log.error("the identify budget could not be renewed: %s", error)
            self._troubles["budget"] = f"the identify budget could not be renewed ({error})"
            wait = error.retry_after_s if isinstance(error, RateLimitedError) else 0.0
            self._renew_at = self._clock() + max(ASK_AGAIN_S, wait)
        else:
            self._troubles.pop("budget", None)

    def _give(self, grant: Grant) -> bool:
        """False: the ledger can't be written, and the grant was not given."""
        shard, owner = grant.shard_id, grant.owner
        try:
            epoch = self._write(grant)
        except sqlite3.Error as error:
            log.error("shard %d gets no grant, the ledger can't be written: %s", shard, error)
            self._troubles["ledger"] = f"the identify ledger can't be written ({error})"
            self._limiter.unused(shard, grant.grant_id)
            self._limiter.request(shard, owner)
            return False
        self._troubles.pop("ledger", None)
        if isinstance(owner, Outsider):
            self._external.give(owner, grant)
        elif not self._tell(owner, grant, epoch):
            log.warning("worker %d is not there to take shard %d's grant", owner, shard)
            self._limiter.unused(shard, grant.grant_id)
            self._ledger.unused(grant.grant_id)
        return True

    def _write(self, grant: Grant) -> int:
        """Into the ledger; the epoch that it begins, 0 outside."""
        owner = grant.owner
        if isinstance(owner, Outsider):
            self._ledger.grant_outside(grant, self._external.shard_count(owner))
            return 0
        return self._ledger.grant(grant, self._owners.shard_count(owner))

    def _tell(self, slot: int, grant: Grant, epoch: int) -> bool:
        return self._send(
            slot, link.IdentifyGrant(shard_id=grant.shard_id, grant_id=grant.grant_id, epoch=epoch)
        )
