"""The identify queue of a coordinator that grants itself: limiter, ledger, workers and programs
outside, brought together."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

from cluster.discord.gateway_bot import SessionStartLimit
from cluster.errors import ApiUnavailableError, ClusterError
from cluster.identify.bucket import Grant, Outsider
from cluster.identify.limiter import IdentifyLimiter
from cluster.wire import link
from cluster.wire.identifies import Budget, BudgetAsk
from cluster.wire.status import BudgetStatus
from coordinator.identifies.budget_renewal import BudgetRenewal
from coordinator.identifies.external import ExternalIdentifies
from coordinator.identifies.grant_queue import (
    ASK_AGAIN_S,
    REACH_AGAIN_S,
    Claimant,
    IdentifyWord,
    Owners,
    Send,
)
from coordinator.identifies.ledger import IdentifyLedger
from coordinator.state.database import StoreError
from coordinator.verb import Verb, args_of

log = logging.getLogger(__name__)


class IdentifyQueue:
    """Gives grants as the limiter allows. `take` numbers before `run`, or `hold`."""

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
        """fetch: asks for the limit of this moment. clock: monotonic seconds. account: its
        account_key, with the store id as salt."""
        self._limiter = limiter
        self._ledger = ledger
        self._owners = owners
        self._send = send
        self._clock = clock
        self._store_id = store_id
        self._account = account
        self._reserve = reserve
        self._changed = asyncio.Event()
        self._unanswered: dict[Claimant, int] = {}
        """Whose identify was sent, until it is ready -> its grant id."""
        self._unreached: dict[int, float] = {}
        """Worker that took no grant -> when it is tried again, by the clock."""
        self._held_back: dict[Claimant, None] = {}
        """Claims of such workers: they wait, and keep nobody else waiting."""
        self._run = secrets.token_hex(4)
        self._ledger_trouble = ""
        """Why grants can't be written down; empty: they can."""
        self._renewal = BudgetRenewal(
            limiter, ledger, fetch=fetch, clock=clock, changed=self._changed.set
        )
        self._external = ExternalIdentifies(
            limiter, ledger, account=account, changed=self._changed.set, clock=clock
        )
        for shard, ago in ledger.recent():
            limiter.close_bucket(shard, clock() + limiter.interval_s - ago)

    def take(self, limit: SessionStartLimit, asked_at: float) -> None:
        """Take freshly fetched numbers, asked for at this time of the clock."""
        self._renewal.take(limit, asked_at)

    def hold(self, error: ClusterError) -> None:
        """Begin without numbers, which could not be had for this cause: nothing is granted until
        they are."""
        self._renewal.hold(error)

    @property
    def known(self) -> bool:
        """Whether it is known how many identifies are left."""
        return self._renewal.known

    def require(self, needed: int) -> None:
        """BudgetError if so many identifies are not left. ApiUnavailableError: it is not known how
        many are."""
        self._check_known()
        self._limiter.require(needed, self._clock())

    def handle(self, slot: int, message: IdentifyWord) -> None:
        """Take what a worker says of an identify."""
        shard = message.shard_id
        if not self._owners.allow(slot, shard):
            return
        claimant = Claimant(slot, shard)
        match message:
            case link.IdentifyRequest():
                if slot in self._unreached:  # it is there, so all of its claims are tried again
                    self._unreached[slot] = self._clock()
                self._held_back.pop(claimant, None)
                self._request(claimant)
            case link.IdentifySent(grant_id=grant_id):
                self._held_back.pop(claimant, None)
                self._limiter.sent(shard, grant_id, self._clock())
                self._unanswered[claimant] = grant_id
                self._ledger.sent(grant_id)
            case link.IdentifyUnused(grant_id=grant_id):
                if self._limiter.unused(shard, grant_id):
                    self._held_back.pop(claimant, None)
                    self._ledger.unused(grant_id)
        self._changed.set()

    def ready(self, slot: int, shards: Iterable[int]) -> None:
        """Take note that these shards of the worker of this slot are ready."""
        for shard in shards:
            grant_id = self._unanswered.pop(Claimant(slot, shard), None)
            if grant_id is not None:
                self._limiter.accepted(shard, grant_id, self._clock())

    def withdraw(self, slot: int, shard: int) -> None:
        """Take note that this shard is no more with the worker of this slot."""
        claimant = Claimant(slot, shard)
        self._limiter.withdraw(shard, slot)
        self._unanswered.pop(claimant, None)
        self._held_back.pop(claimant, None)
        self._changed.set()

    def gone(self, slot: int) -> None:
        """Take note that the worker of this slot died."""
        for grant in self._limiter.gone(slot, self._clock()):
            log.warning("shard %d's grant is lost with its worker: spent", grant.shard_id)
        for claimant in [one for one in self._unanswered if one.slot == slot]:
            del self._unanswered[claimant]
        self._unreached.pop(slot, None)
        for claimant in [one for one in self._held_back if one.slot == slot]:
            del self._held_back[claimant]
        self._changed.set()

    def status(self) -> BudgetStatus:
        """Return the budget's numbers, who waits, and what keeps grants back."""
        now, limiter = self._clock(), self._limiter
        own = [
            (due_at, claim.shard_id)
            for due_at, claim in limiter.schedule(now)
            if isinstance(claim.owner, int)
        ]
        own += [(max(now, self._unreached[one.slot]), one.shard_id) for one in self._held_back]
        return BudgetStatus(
            total=limiter.total,
            remaining=limiter.remaining,
            reset_after_s=max(0.0, limiter.reset_at - now),
            max_concurrency=limiter.max_concurrency,
            spent=self._ledger.spent(),
            granted=self._ledger.granted,
            returned=self._ledger.returned,
            waiting=[shard for _, shard in own],
            wait_s=max((due_at for due_at, _ in own), default=now) - now,
            outside=self._external.claims(),
            known=self.known,
            asked_again_s=self._renewal.asked_again_s(now),
            trouble="; ".join(filter(None, (self._renewal.trouble, self._ledger_trouble))),
        )

    def verbs(self) -> Mapping[str, Verb]:
        """Return what programs outside may ask, by name."""
        return {**self._external.verbs(), "identify_budget": self._budget}

    async def _budget(self, args: dict[str, Any]) -> Budget:
        """Tell a broker's client the numbers. args: BudgetAsk. ApiUnavailableError: they are not
        known."""
        self._check_known()
        asker, limiter = args_of(args, BudgetAsk).asker, self._limiter
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

    def _request(self, claimant: Claimant) -> None:
        """Let a shard wait for its turn, or tell it of the grant that it has."""
        slot, shard = claimant
        held = self._limiter.request(shard, slot)
        if held is not None:  # it was given, and the worker does not know
            epoch = self._ledger.epoch(self._owners.shard_count(slot), shard)
            if not self._tell(slot, held, epoch):  # it may have reached it before: it stays given
                self._hold_back(claimant)

    # -- granting -------------------------------------------------------------------------------

    async def run(self) -> None:
        """Give grants as they fall due, until cancelled."""
        try:
            while True:
                await self._grant_due()
        finally:
            await self._renewal.close()

    async def _grant_due(self) -> None:
        """Give what is due, and wait until something else may be."""
        self._changed.clear()
        now = self._clock()
        self._reach_again(now)
        self._renewal.look(now)
        given = [self._give(grant) for grant in self._limiter.due(now)]
        if not all(given):
            await asyncio.sleep(ASK_AGAIN_S)
            return
        due_at = self._next_at(self._clock())
        seconds = None if due_at is None else max(0.0, due_at - self._clock())
        with contextlib.suppress(TimeoutError):  # a grant has fallen due
            async with asyncio.timeout(seconds):
                await self._changed.wait()

    def _next_at(self, now: float) -> float | None:
        """Return when there may be something to give, or numbers to ask for; None: not before
        something changes."""
        due_at = None if self._limiter.needs_refresh(now) else self._limiter.next_at(now)
        moments = (due_at, self._renewal.next_at(now), *self._unreached.values())
        return min((at for at in moments if at is not None), default=None)

    def _check_known(self) -> None:
        """Raise ApiUnavailableError while Discord has not said how many identifies are left."""
        if not self.known:
            raise ApiUnavailableError(
                f"how many identifies are left is not known: {self._renewal.trouble}",
                "wait until the API answers; `dcgw-cluster status` says when it is asked again",
            )

    def _give(self, grant: Grant) -> bool:
        """Give a grant. False: the ledger can't be written, and it was not given."""
        shard, owner = grant.shard_id, grant.owner
        if isinstance(owner, int) and owner in self._unreached:
            self._limiter.undelivered(grant)
            self._hold_back(Claimant(owner, shard))
            return True
        try:
            epoch = self._write(grant)
        except StoreError as error:
            log.error("shard %d gets no grant, the ledger can't be written: %s", shard, error)
            self._ledger_trouble = f"the identify ledger can't be written ({error})"
            self._limiter.undelivered(grant)
            self._limiter.request(shard, owner)
            return False
        self._ledger_trouble = ""
        if isinstance(owner, Outsider):
            self._external.give(owner, grant)
        elif not self._tell(owner, grant, epoch):
            self._limiter.undelivered(grant)
            self._ledger.unused(grant.grant_id)
            self._hold_back(Claimant(owner, shard))
        return True

    def _hold_back(self, claimant: Claimant) -> None:
        """Let a claim wait until its worker takes what it is sent."""
        slot, shard = claimant
        if slot not in self._unreached:
            log.warning("worker %d does not take shard %d's grant; it is tried again", slot, shard)
            self._unreached[slot] = self._clock() + REACH_AGAIN_S
        self._held_back[claimant] = None

    def _reach_again(self, now: float) -> None:
        """Give the claims of workers that are to be tried again their places back."""
        for slot in [slot for slot, due_at in self._unreached.items() if due_at <= now]:
            del self._unreached[slot]
            for claimant in [one for one in self._held_back if one.slot == slot]:
                del self._held_back[claimant]
                self._request(claimant)

    def _write(self, grant: Grant) -> int:
        """Write a grant into the ledger. Return the epoch that it begins; 0: it is for a program
        outside."""
        owner = grant.owner
        if isinstance(owner, Outsider):
            self._ledger.grant_outside(grant, self._external.shard_count(owner))
            return 0
        return self._ledger.grant(grant, self._owners.shard_count(owner))

    def _tell(self, slot: int, grant: Grant, epoch: int) -> bool:
        """Tell a worker of its grant. False: it is not there."""
        return self._send(
            slot, link.IdentifyGrant(shard_id=grant.shard_id, grant_id=grant.grant_id, epoch=epoch)
        )
