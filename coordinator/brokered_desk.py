"""The identify desk of a cluster whose `identify.broker` is another coordinator.

Every grant is asked for there, under a ticket made of the store id and the number that the grant
has in this cluster's own ledger: so what a worker says of it can be passed on by the coordinator
that comes after this one, too. Nothing is granted here. A broker that does not answer is asked
again and again; `status` says so.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Callable, Coroutine, Iterable, Mapping
from typing import Any, Final, NamedTuple

from cluster.control import ControlClient
from cluster.errors import ClusterError, NotRunningError
from cluster.identifies import Identify
from cluster.wire import link
from cluster.wire.control import BudgetStatus
from cluster.wire.identifies import Ask, Budget
from coordinator.control_server import Verb
from coordinator.identify_bucket import Grant
from coordinator.identify_desk import ASK_AGAIN_S, IdentifyWord, Owners, Send
from coordinator.identify_ledger import Ledger
from coordinator.identify_limiter import GRANT_TIMEOUT_S, over_budget

log = logging.getLogger(__name__)

LOOK_S: Final = 2.0
"""How often the numbers are asked for while shards wait."""
IDLE_LOOK_S: Final = 30.0
SAME_RESET_S: Final = 60.0
START_TRIES: Final = 2
"""A broker that is being restarted may miss the first."""


class Asker(NamedTuple):
    """Who asks, as the broker is told."""

    store_id: str
    who: str
    shard_count: int
    account: Callable[[str], str]
    """The account_key with this salt."""


class _Held(NamedTuple):
    """A grant that a worker has."""

    slot: int
    grant_id: int
    epoch: int
    until: float
    identify: Identify


class BrokeredDesk:
    """Gives workers the grants of a broker. `look` before `require` and `run`."""

    def __init__(
        self,
        control: ControlClient,
        ledger: Ledger,
        asker: Asker,
        *,
        owners: Owners,
        send: Send,
        clock: Callable[[], float],
        first_grant_id: int,
    ) -> None:
        """control: of the broker; closed by who made it. clock: monotonic seconds."""
        self._control = control
        self._ledger = ledger
        self._asker = asker
        self._owners = owners
        self._send = send
        self._clock = clock
        self._next_id = first_grant_id
        self._budget: Budget | None = None
        self._looked_at = 0.0
        self._reset_at = float("-inf")
        """Of the ledger's window, by the clock."""
        self._waiting: dict[int, tuple[int, asyncio.Task[None]]] = {}
        """Shard -> slot, and what waits for its grant."""
        self._held: dict[int, _Held] = {}
        self._sent: dict[int, Identify] = {}
        """Shards whose identify was sent, until they are ready."""
        self._saying: set[asyncio.Task[None]] = set()
        self._changed = asyncio.Event()
        self._troubles: dict[str, str] = {}
        """What keeps grants back besides the limits, by what it is of."""
        self._failure: BaseException | None = None

    # -- the broker's numbers -------------------------------------------------------------------

    async def begin(self) -> None:
        """Ask the broker for its numbers, the first time. ClusterError: it does not answer, or
        grants for another account."""
        for _ in range(START_TRIES):
            if await self._look():
                return
        raise ClusterError(
            f"no coordinator answers at {self._control.endpoint}, the identify.broker",
            "start the cluster there first, or correct identify.broker",
        )

    async def _look(self) -> bool:
        """Ask for the numbers. False: no answer. ClusterError: it refuses, or grants for another
        account."""
        try:
            budget = await self._control.identify_budget(self._asker.store_id)
        except NotRunningError:
            self._trouble("silence", f"the broker {self._control.endpoint} does not answer")
            return False
        if self._troubles.pop("silence", None):
            log.info("the broker %s answers again", self._control.endpoint)
        if budget.account != self._asker.account(budget.store_id):
            raise ClusterError(
                f"the cluster at {self._control.endpoint}, the identify.broker, runs for another "
                "account than this one",
                "give both the same token, or name another cluster in identify.broker",
            )
        before, self._budget, self._looked_at = self._budget, budget, self._clock()
        if before is not None and before.run != budget.run:
            log.warning("the broker %s was restarted", self._control.endpoint)
            self._control.ask_again()
        self._troubles.pop("broker", None)
        self._note_reset(self._looked_at + budget.reset_after_s)
        return True

    def _note_reset(self, at: float) -> None:
        """The ledger counts from reset to reset, too. at: by the clock."""
        if abs(at - self._reset_at) < SAME_RESET_S:
            return
        try:
            self._ledger.reset_due(at - self._clock())
        except sqlite3.Error as error:
            log.error("the ledger can't be written: %s", error)
        else:
            self._reset_at = at

    def _numbers(self) -> Budget:
        if self._budget is None:
            raise ClusterError("the broker was not asked yet")
        return self._budget

    def require(self, needed: int) -> None:
        """BudgetError if so many identifies are not left."""
        budget = self._numbers()
        if needed > budget.remaining - budget.reserve:
            raise over_budget(
                needed,
                remaining=budget.remaining,
                total=budget.total,
                reserve=budget.reserve,
                reset_after_s=budget.reset_after_s,
                of=f" at {self._control.endpoint}",
            )

    def status(self) -> BudgetStatus:
        budget, ago = self._numbers(), self._clock() - self._looked_at
        return BudgetStatus(
            total=budget.total,
            remaining=budget.remaining,
            reset_after_s=max(0.0, budget.reset_after_s - ago),
            max_concurrency=budget.max_concurrency,
            spent=self._ledger.spent(),
            waiting=sorted(self._waiting),
            wait_s=max(0.0, budget.wait_s - ago) if self._waiting else 0.0,
            broker=self._control.endpoint,
            trouble="; ".join(self._troubles.values()),
        )

    def verbs(self) -> Mapping[str, Verb]:
        """Programs outside are told where to ask: a second line beside the broker's own would let
        nobody see who waits for what."""

        async def elsewhere(args: dict[str, Any]) -> object:
            raise ClusterError(
                f"this cluster has its identifies from {self._control.endpoint}", "ask there"
            )

        verbs = ("identify", "identify_sent", "identify_ready", "identify_unused")
        return dict.fromkeys((*verbs, "identify_budget"), elsewhere)

    # -- what workers say -----------------------------------------------------------------------

    def handle(self, slot: int, message: IdentifyWord) -> None:
        """What a worker says of an identify."""
        shard = message.shard_id
        if not self._owners.allow(slot, shard):
            return
        match message:
            case link.IdentifyRequest():
                self._request(slot, shard)
            case link.IdentifySent(grant_id=grant_id):
                self._ledger.sent(grant_id)
                # One that is not known here was given by the coordinator before this one
                granted = self._take(shard, grant_id) or self._identify(shard, grant_id)
                self._sent[shard] = granted
                self._say(granted.sent())
            case link.IdentifyUnused(grant_id=grant_id):
                if taken := self._take(shard, grant_id):
                    self._ledger.unused(grant_id)
                    self._say(taken.unused())

    def ready(self, shards: Iterable[int]) -> None:
        """These shards are ready."""
        for shard in self._sent.keys() & set(shards):
            self._say(self._sent.pop(shard).ready())

    def gone(self, slot: int) -> None:
        """The worker of this slot died: its shards wait no more, its grants may have been used."""
        for shard, (of, task) in list(self._waiting.items()):
            if of == slot:
                del self._waiting[shard]
                task.cancel()
        for shard, held in list(self._held.items()):
            if held.slot == slot:
                log.warning("shard %d's grant is lost with its worker: spent", shard)
                del self._held[shard]
                self._say(held.identify.sent())

    def _request(self, slot: int, shard: int) -> None:
        if (held := self._held.get(shard)) is not None:
            if self._clock() < held.until:  # it was given, and the worker does not know
                self._tell(held, shard)
                return
            del self._held[shard]  # the broker takes it for spent by now
        if shard not in self._waiting:
            task = asyncio.create_task(self._get(slot, shard), name=f"identify of shard {shard}")
            self._waiting[shard] = slot, task
            task.add_done_callback(lambda done: self._got(shard, done))
            self._changed.set()

    def _take(self, shard: int, grant_id: int) -> Identify | None:
        """The grant with this number, which the worker has no more."""
        held = self._held.get(shard)
        if held is None or held.grant_id != grant_id:
            return None
        del self._held[shard]
        return held.identify

    # -- asking ---------------------------------------------------------------------------------

    async def run(self) -> None:
        """Keep the numbers fresh, until cancelled; then nothing is asked for any more."""
        try:
            while self._failure is None:
                self._changed.clear()
                try:
                    await self._look()
                except ClusterError as error:
                    self._trouble("broker", str(error))
                if self._waiting:
                    await asyncio.sleep(LOOK_S)
                    continue
                try:
                    async with asyncio.timeout(IDLE_LOOK_S):
                        await self._changed.wait()
                except TimeoutError:
                    continue
            raise self._failure
        finally:
            tasks = [task for _, task in self._waiting.values()] + list(self._saying)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _identify(self, shard: int, grant_id: int) -> Identify:
        asker, budget = self._asker, self._numbers()
        ask = Ask(
            ticket=f"{asker.store_id}.{grant_id}.{shard}",
            shard_id=shard,
            shard_count=asker.shard_count,
            asker=asker.store_id,
            who=asker.who,
            account=asker.account(budget.store_id),
        )
        return self._control.identify(ask, patience=None)

    async def _get(self, slot: int, shard: int) -> None:
        """Wait for the broker's grant, and give it on."""
        while True:
            grant_id, self._next_id = self._next_id, self._next_id + 1
            identify = self._identify(shard, grant_id)
            try:
                await identify.granted()
            except ClusterError as error:
                self._trouble("refusal", f"{self._control.endpoint} refuses: {error}")
            else:
                self._troubles.pop("refusal", None)
                if self._give(slot, shard, grant_id, identify):
                    return
                self._say(identify.unused())
            await asyncio.sleep(ASK_AGAIN_S)

    def _give(self, slot: int, shard: int, grant_id: int, identify: Identify) -> bool:
        """False: the ledger can't be written, and the grant was not given."""
        now = self._clock()
        try:
            epoch = self._ledger.grant(Grant(grant_id, shard, slot, now))
        except sqlite3.Error as error:
            self._trouble("ledger", f"the identify ledger can't be written ({error})")
            return False
        self._troubles.pop("ledger", None)
        del self._waiting[shard]
        held = _Held(slot, grant_id, epoch, now + GRANT_TIMEOUT_S, identify)
        if self._tell(held, shard):
            self._held[shard] = held
        else:
            log.warning("worker %d is not there to take shard %d's grant", slot, shard)
            self._ledger.unused(grant_id)
            self._say(identify.unused())
        return True

    def _tell(self, held: _Held, shard: int) -> bool:
        grant = link.IdentifyGrant(shard_id=shard, grant_id=held.grant_id, epoch=held.epoch)
        return self._send(held.slot, grant)

    def _got(self, shard: int, task: asyncio.Task[None]) -> None:
        """What waited for a grant is done."""
        if shard in self._waiting and self._waiting[shard][1] is task:
            del self._waiting[shard]
        if not task.cancelled() and (error := task.exception()) is not None:
            self._failure = error  # it was not foreseen, so it is no state to go on in
            self._changed.set()

    def _say(self, words: Coroutine[Any, Any, None]) -> None:
        """Tell the broker, beside everything else."""

        async def say() -> None:
            try:
                await words
            except ClusterError as error:  # it takes what it was not told of for spent
                log.warning("the broker %s was not told: %s", self._control.endpoint, error)

        task = asyncio.create_task(say(), name="word to the broker")
        self._saying.add(task)
        task.add_done_callback(self._saying.discard)

    def _trouble(self, of: str, text: str) -> None:
        """Note it, and log it once."""
        if self._troubles.get(of) != text:
            log.error("%s; %d shards wait for it", text, len(self._waiting))
        self._troubles[of] = text
