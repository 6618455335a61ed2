"""The coordinator that grants for this one, as seen from here: its numbers, and what it is told.

A ticket is made of the store id and the number that the grant has in this cluster's own ledger, so
that what a worker says of it can be passed on by the coordinator that comes after this one, too.
A broker that does not answer is asked again and again; `status` and the log say so.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final, NamedTuple

from cluster.control import ControlClient
from cluster.errors import ApiUnavailableError, ClusterError, NotRunningError
from cluster.identify.limiter import over_budget
from cluster.identify.request import Identify
from cluster.wire.identifies import Budget, IdentifyAsk
from cluster.wire.status import BudgetStatus
from coordinator.identifies.ledger import IdentifyLedger
from coordinator.state.database import StoreError

log = logging.getLogger(__name__)

SAME_RESET_S: Final = 60.0
"""Resets that the broker names closer than this to each other are one."""
START_TRIES: Final = 2
"""How often a broker is asked at a start: one that is being restarted may miss the first time."""


_UNKNOWN: Final = Budget(
    store_id="", account="", total=0, remaining=0, reserve=0, reset_after_s=0.0,
    max_concurrency=1, wait_s=0.0, run="",
)  # fmt: skip
"""The numbers of a broker that has said none."""


class BrokerClient(NamedTuple):
    """Who asks a broker, and for whom."""

    store_id: str
    who: str
    account: Callable[[str], str]
    """Returns the account_key with this salt."""


class Broker:
    """The coordinator that grants, as seen from here. `meet` makes one."""

    def __init__(
        self,
        control: ControlClient,
        ledger: IdentifyLedger,
        client: BrokerClient,
        clock: Callable[[], float],
    ) -> None:
        self._control = control
        self._ledger = ledger
        self._client = client
        self._clock = clock
        self._budget: Budget | None = None
        """Its numbers, as it last said them; None: it has said none yet."""
        self._met = asyncio.Event()
        self._looked_at = clock()
        self._reset_at = float("-inf")
        """When the daily limit is reset, by the clock, as the ledger has it."""
        self._troubles: dict[str, str] = {}
        """What keeps grants back besides the limits: what it concerns -> in words."""

    @property
    def endpoint(self) -> str:
        return self._control.endpoint

    @classmethod
    async def meet(
        cls,
        control: ControlClient,
        ledger: IdentifyLedger,
        client: BrokerClient,
        clock: Callable[[], float],
        *,
        going_on: bool = False,
    ) -> Broker:
        """Ask a broker for its numbers, the first time. going_on: there are sessions to go on with,
        so one that does not answer is waited for. ClusterError: it does not answer, refuses, or
        grants for another account. control: closed by who made it. clock: monotonic seconds."""
        broker = cls(control, ledger, client, clock)
        for _ in range(START_TRIES):
            try:
                broker._take(await control.identify_budget(client.store_id))
            except NotRunningError:
                continue
            except ApiUnavailableError as error:
                if not going_on:
                    raise
                broker.trouble("broker", str(error))
            return broker
        if going_on:
            broker._silent()
            return broker
        raise ClusterError(
            f"no coordinator answers at {control.endpoint}, the identify.broker",
            "start the cluster there first, or correct identify.broker",
        )

    @property
    def known(self) -> bool:
        """Whether it has said its numbers."""
        return self._budget is not None

    async def met(self) -> None:
        """Wait until it has said its numbers, and so who it is."""
        await self._met.wait()

    async def look(self) -> None:
        """Ask for its numbers. ClusterError: it refuses, or grants for another account."""
        try:
            budget = await self._control.identify_budget(self._client.store_id)
        except NotRunningError:
            self._silent()
            return
        except ClusterError:
            self._answers()
            raise
        self._answers()
        self._take(budget)
        self.well("broker")

    def _answers(self) -> None:
        if self.well("answers"):
            log.info("the broker %s answers again", self.endpoint)

    def _silent(self) -> None:
        self.trouble("answers", f"the broker {self.endpoint} does not answer")

    def _take(self, budget: Budget) -> None:
        """Take the broker's numbers. ClusterError: it grants for another account."""
        if budget.account != self._client.account(budget.store_id):
            raise ClusterError(
                f"the cluster at {self.endpoint}, the identify.broker, runs for another account "
                "than this one",
                "give both the same token, or name another cluster in identify.broker",
            )
        before, self._budget, self._looked_at = self._budget, budget, self._clock()
        self._met.set()
        if before is not None and before.run != budget.run:
            log.warning("the broker %s was restarted", self.endpoint)
            self._control.connection.ask_again()
        self._note_reset(self._looked_at + budget.reset_after_s)

    def _note_reset(self, reset_at: float) -> None:
        """Write down when the daily limit is reset: the ledger counts from reset to reset, too.
        reset_at: by the clock."""
        if abs(reset_at - self._reset_at) < SAME_RESET_S:
            return
        try:
            self._ledger.reset_due(reset_at - self._clock())
        except StoreError as error:
            log.error("the ledger can't be written: %s", error)
        else:
            self._reset_at = reset_at

    def require(self, needed: int) -> None:
        """BudgetError if so many identifies are not left. ClusterError: it is not known how many
        are."""
        budget = self._budget
        if budget is None:
            raise ClusterError(
                f"how many identifies are left is not known: {self._trouble}",
                "wait until the broker answers",
            )
        if needed > budget.remaining - budget.reserve:
            raise over_budget(
                needed,
                remaining=budget.remaining,
                total=budget.total,
                reserve=budget.reserve,
                reset_after_s=budget.reset_after_s,
                whose=f" at {self.endpoint}",
            )

    def identify(self, shard: int, grant_id: int, shard_count: int) -> Identify:
        """Return the identify of this shard that our ledger has, or will have, under this
        number."""
        client = self._client
        ask = IdentifyAsk(
            ticket=f"{client.store_id}.{grant_id}.{shard}",
            shard_id=shard,
            shard_count=shard_count,
            asker=client.store_id,
            who=client.who,
            # Until it is known it is only told of identifies that went out, and compares nothing
            account=client.account(self._budget.store_id) if self._budget else "",
        )
        return self._control.identify(ask, patience=None)

    def status(self, waiting: list[int]) -> BudgetStatus:
        """Return the broker's numbers. waiting: the shards of this cluster that wait for a
        grant."""
        budget, ago = self._budget or _UNKNOWN, self._clock() - self._looked_at
        return BudgetStatus(
            total=budget.total,
            remaining=budget.remaining,
            reset_after_s=max(0.0, budget.reset_after_s - ago),
            max_concurrency=budget.max_concurrency,
            spent=self._ledger.spent(),
            granted=self._ledger.granted,
            returned=self._ledger.returned,
            waiting=waiting,
            wait_s=max(0.0, budget.wait_s - ago) if waiting else 0.0,
            broker=self.endpoint,
            known=self.known,
            trouble=self._trouble,
        )

    @property
    def _trouble(self) -> str:
        return "; ".join(self._troubles.values())

    def trouble(self, subject: str, text: str) -> None:
        """Take note of what keeps grants back; logged once."""
        if self._troubles.get(subject) != text:
            log.error("%s; whoever needs an identify waits", text)
        self._troubles[subject] = text

    def well(self, subject: str) -> bool:
        """Take note that it keeps grants back no more. False: it did not."""
        return self._troubles.pop(subject, None) is not None
