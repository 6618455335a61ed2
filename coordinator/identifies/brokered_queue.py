"""The identify queue of a cluster whose `identify.broker` is another coordinator.

Every grant is asked for there; nothing is granted here. The ledger still notes what this cluster's
shards spent, and their epochs are its own.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterable, Mapping
from typing import Any, Final, NamedTuple

from cluster.errors import ClusterError
from cluster.identify.bucket import Grant
from cluster.identify.limiter import GRANT_TIMEOUT_S
from cluster.identify.request import Identify
from cluster.wire import link
from cluster.wire.status import BudgetStatus
from coordinator.identifies.broker import Broker
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
from coordinator.verb import Verb

log = logging.getLogger(__name__)

LOOK_S: Final = 2.0
"""How often the broker's numbers are asked for while shards wait."""
IDLE_LOOK_S: Final = 30.0


class _Held(NamedTuple):
    """A grant that a worker has."""

    grant_id: int
    epoch: int
    until: float
    identify: Identify


class BrokeredQueue:
    """Gives workers the grants of a broker."""

    def __init__(
        self,
        broker: Broker,
        ledger: IdentifyLedger,
        *,
        owners: Owners,
        send: Send,
        clock: Callable[[], float],
        first_grant_id: int,
    ) -> None:
        """clock: monotonic seconds."""
        self._broker = broker
        self._ledger = ledger
        self._owners = owners
        self._send = send
        self._clock = clock
        self._next_id = first_grant_id
        self._waiting: dict[Claimant, asyncio.Task[None]] = {}
        """Who waits for a grant -> the task that asks for it."""
        self._held: dict[Claimant, _Held] = {}
        self._sent: dict[Claimant, Identify] = {}
        """Whose identify was sent, until it is ready."""
        self._saying: set[asyncio.Task[None]] = set()
        self._changed = asyncio.Event()
        self._failure: BaseException | None = None

    @property
    def known(self) -> bool:
        """Whether it is known how many identifies are left."""
        return self._broker.known

    def require(self, needed: int) -> None:
        """BudgetError if so many identifies are not left. ClusterError: it is not known."""
        self._broker.require(needed)

    def status(self) -> BudgetStatus:
        """Return the broker's numbers, who waits, and what keeps grants back."""
        return self._broker.status(sorted(claimant.shard_id for claimant in self._waiting))

    def verbs(self) -> Mapping[str, Verb]:
        """Return what programs outside may ask, by name: they are told where to ask. A second queue
        beside the broker's own would let nobody see who waits for what."""

        async def elsewhere(args: dict[str, Any]) -> object:
            raise ClusterError(
                f"this cluster has its identifies from {self._broker.endpoint}", "ask there"
            )

        verbs = ("identify", "identify_sent", "identify_ready", "identify_unused")
        return dict.fromkeys((*verbs, "identify_budget"), elsewhere)

    # -- what workers say -----------------------------------------------------------------------

    def handle(self, slot: int, message: IdentifyWord) -> None:
        """Take what a worker says of an identify."""
        claimant = Claimant(slot, message.shard_id)
        if not self._owners.allow(*claimant):
            return
        match message:
            case link.IdentifyRequest():
                self._request(claimant)
            case link.IdentifySent(grant_id=grant_id):
                self._ledger.sent(grant_id)
                # One that is not known here was given by the coordinator before this one
                granted = self._take(claimant, grant_id) or self._identify(claimant, grant_id)
                self._sent[claimant] = granted
                self._say(granted.sent())
            case link.IdentifyUnused(grant_id=grant_id):
                if taken := self._take(claimant, grant_id):
                    self._ledger.unused(grant_id)
                    self._say(taken.unused())

    def ready(self, slot: int, shards: Iterable[int]) -> None:
        """Take note that these shards of the worker of this slot are ready."""
        for shard in shards:
            identify = self._sent.pop(Claimant(slot, shard), None)
            if identify is not None:
                self._say(identify.ready())

    def withdraw(self, slot: int, shard: int) -> None:
        """Take note that this shard is no more with the worker of this slot."""
        if task := self._waiting.pop(Claimant(slot, shard), None):
            task.cancel()

    def gone(self, slot: int) -> None:
        """Take note that the worker of this slot died: its shards wait no more, its grants may have
        been used."""
        for claimant, task in list(self._waiting.items()):
            if claimant.slot == slot:
                del self._waiting[claimant]
                task.cancel()
        for claimant, held in list(self._held.items()):
            if claimant.slot == slot:
                log.warning("shard %d's grant is lost with its worker: spent", claimant.shard_id)
                del self._held[claimant]
                self._say(held.identify.sent())

    def _request(self, claimant: Claimant) -> None:
        """Ask for a grant, unless it was given already, or is asked for."""
        if claimant in self._waiting or self._tell_again(claimant) == 0.0:
            return
        task = asyncio.create_task(
            self._get(claimant), name=f"identify of shard {claimant.shard_id}"
        )
        self._waiting[claimant] = task
        task.add_done_callback(lambda done: self._got(claimant, done))
        self._changed.set()

    def _tell_again(self, claimant: Claimant) -> float | None:
        """Tell a worker of the grant that it has and does not know. Return 0, or the seconds until
        that is tried again; None: it has none."""
        held = self._held.get(claimant)
        if held is None:
            return None
        if self._clock() >= held.until:
            del self._held[claimant]  # the broker takes it for spent by now
            return None
        return 0.0 if self._tell(held, claimant) else REACH_AGAIN_S

    def _identify(self, claimant: Claimant, grant_id: int) -> Identify:
        count = self._owners.shard_count(claimant.slot)
        return self._broker.identify(claimant.shard_id, grant_id, count)

    def _take(self, claimant: Claimant, grant_id: int) -> Identify | None:
        """Take the grant with this number, which the worker has no more. None: it is not known."""
        held = self._held.get(claimant)
        if held is None or held.grant_id != grant_id:
            return None
        del self._held[claimant]
        self.withdraw(*claimant)  # it was to be told again
        return held.identify

    # -- asking ---------------------------------------------------------------------------------

    async def run(self) -> None:
        """Keep the numbers fresh, until cancelled; then nothing is asked for any more."""
        try:
            while self._failure is None:
                self._changed.clear()
                try:
                    await self._broker.look()
                except ClusterError as error:
                    self._broker.trouble("broker", str(error))
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
            tasks = [*self._waiting.values(), *self._saying]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _get(self, claimant: Claimant) -> None:
        """Wait for the broker's grant, and give it on."""
        await self._broker.met()  # before, it might grant for another account
        while True:
            wait_s = self._tell_again(claimant)
            if wait_s is None:
                wait_s = await self._ask(claimant)
            if not wait_s:
                del self._waiting[claimant]  # at once: it may ask anew before this task is done
                return
            await asyncio.sleep(wait_s)

    async def _ask(self, claimant: Claimant) -> float:
        """Wait for a grant of the broker and give it on. Return 0, or the seconds until it is asked
        for again."""
        grant_id, self._next_id = self._next_id, self._next_id + 1
        identify = self._identify(claimant, grant_id)
        try:
            await identify.granted()
        except ClusterError as error:
            self._broker.trouble("refusal", f"{self._broker.endpoint} refuses: {error}")
            return ASK_AGAIN_S
        self._broker.well("refusal")
        wait_s = self._give(claimant, grant_id, identify)
        if wait_s:
            self._say(identify.unused())
        return wait_s

    def _give(self, claimant: Claimant, grant_id: int, identify: Identify) -> float:
        """Give a grant of the broker on to a worker. Return 0, or the seconds until another is
        asked for: the ledger can't be written, or the worker took nothing: it was not given."""
        now, (slot, shard) = self._clock(), claimant
        try:
            grant = Grant(grant_id, shard, slot, now)
            epoch = self._ledger.grant(grant, self._owners.shard_count(slot))
        except StoreError as error:
            self._broker.trouble("ledger", f"the identify ledger can't be written ({error})")
            return ASK_AGAIN_S
        self._broker.well("ledger")
        held = _Held(grant_id, epoch, now + GRANT_TIMEOUT_S, identify)
        if not self._tell(held, claimant):
            log.warning("worker %d does not take shard %d's grant; it is tried again", slot, shard)
            self._ledger.unused(grant_id)
            return REACH_AGAIN_S
        self._held[claimant] = held
        return 0.0

    def _tell(self, held: _Held, claimant: Claimant) -> bool:
        """Tell a worker of its grant. False: it is not there."""
        slot, shard = claimant
        grant = link.IdentifyGrant(shard_id=shard, grant_id=held.grant_id, epoch=held.epoch)
        return self._send(slot, grant)

    def _got(self, claimant: Claimant, task: asyncio.Task[None]) -> None:
        """Take note that a task that asked for a grant is done."""
        if self._waiting.get(claimant) is task:
            del self._waiting[claimant]
        if not task.cancelled() and (error := task.exception()) is not None:
            self._failure = error  # it was not foreseen, so it is no state to go on in
            self._changed.set()

    def _say(self, words: Coroutine[Any, Any, None]) -> None:
        """Tell the broker, beside everything else."""

        async def say() -> None:
            try:
                await words
            except ClusterError as error:  # it takes what it was not told of for spent
                log.warning("the broker %s was not told: %s", self._broker.endpoint, error)

        task = asyncio.create_task(say(), name="word to the broker")
        self._saying.add(task)
        task.add_done_callback(self._saying.discard)
