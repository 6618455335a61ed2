"""The identify queue: limiter, ledger and link brought together, on a clock of the test's own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Self

import msgspec
import pytest

from cluster.discord.gateway_bot import SessionStartLimit
from cluster.errors import (
    ApiUnavailableError,
    BudgetError,
    ClusterError,
    RateLimitedError,
    TokenRefusedError,
)
from cluster.identify.limiter import FRESH_S, GRANT_TIMEOUT_S, IdentifyLimiter
from cluster.wire import link
from coordinator.host import HostClocks
from coordinator.identifies.budget_renewal import SOON_S
from coordinator.identifies.grant_queue import ASK_AGAIN_S, REACH_AGAIN_S, Owners
from coordinator.identifies.ledger import IdentifyLedger
from coordinator.identifies.queue import IdentifyQueue
from coordinator.sharding.assignments import Assignments
from coordinator.sharding.plan import Plan
from coordinator.state.database import StoreError
from coordinator.state.store import Store
from coordinator.state.store_time import StoreTime

INTERVAL_S = 5.25
WALL = 1_800_000_000.0
ACCOUNT = "account"


class Office:
    """A queue over a real store; workers are lists of what they were sent."""

    def __init__(self, store: Store, *, wall: float = WALL, absent: tuple[int, ...] = ()) -> None:
        self.store = store
        self.now = 50.0
        self.began = self.now
        self.wall_began = wall
        self.absent = set(absent)
        self.sent: list[tuple[int, link.IdentifyGrant]] = []
        self.refused = 0
        self.fetched: list[SessionStartLimit | ClusterError] = []
        self.limiter = IdentifyLimiter(margin_s=0.25, first_grant_id=store.next_grant_id())
        self.owners = Owners(Assignments(Plan(8, {0: (0, 2, 4, 6), 1: (1, 3, 5, 7)})))
        self.queue = IdentifyQueue(
            self.limiter,
            IdentifyLedger(store, account=ACCOUNT, time=StoreTime(self.clocks(), 0.0)),
            owners=self.owners,
            send=self.send,
            fetch=lambda: self.fetch(),
            clock=lambda: self.clock(),
            store_id=store.store_id,
            account="key",
        )

    @classmethod
    def asked(cls, store: Store, *shards: int, absent: tuple[int, ...] = ()) -> Self:
        """A queue that knows Discord's numbers, which these shards have asked."""
        office = cls(store, absent=absent)
        office.take()
        office.ask(*shards)
        return office

    def clock(self) -> float:
        return self.now

    def clocks(self) -> HostClocks:
        """A host that booted at Unix second 0."""

        def passed() -> float:
            return self.wall_began + self.now - self.began

        return HostClocks("boot", passed, passed)

    def send(self, slot: int, message: link.ToWorker) -> bool:
        if slot in self.absent:
            self.refused += 1
            return False
        assert isinstance(message, link.IdentifyGrant)
        self.sent.append((slot, message))
        return True

    async def fetch(self) -> SessionStartLimit:
        answer = self.fetched.pop(0) if self.fetched else ClusterError("no answer")
        if isinstance(answer, ClusterError):
            raise answer
        return answer

    def take(self, *, total: int = 1000, remaining: int = 1000, concurrency: int = 1) -> None:
        self.queue.take(limit(total=total, remaining=remaining, concurrency=concurrency), self.now)

    def ask(self, *shards: int) -> None:
        for shard in shards:
            self.queue.handle(shard % 2, link.IdentifyRequest(shard_id=shard))

    async def run_once(self, *, later: float = 0.0) -> list[link.IdentifyGrant]:
        """Run the queue at this moment, or so much later. Return what it gave."""
        self.now += later
        before = len(self.sent)
        running = asyncio.ensure_future(self.queue.run())
        for _ in range(20):
            await asyncio.sleep(0)
        assert not running.done()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        return [grant for _, grant in self.sent[before:]]


def limit(*, total: int = 1000, remaining: int = 1000, concurrency: int = 1) -> SessionStartLimit:
    return SessionStartLimit(
        total=total, remaining=remaining, reset_after=86_400_000, max_concurrency=concurrency
    )


@pytest.fixture
def play(tmp_path: Path) -> Callable[[Callable[[Store], Coroutine[object, object, None]]], None]:
    def run(scenario: Callable[[Store], Coroutine[object, object, None]]) -> None:
        async def whole() -> None:
            store = Store.open(tmp_path / "store.sqlite")
            try:
                await scenario(store)
            finally:
                store.close()

        asyncio.run(whole())

    return run


Play = Callable[[Callable[[Store], Coroutine[object, object, None]]], None]


def test_a_grant_is_in_the_ledger_and_carries_the_next_epoch(play: Play) -> None:
    async def scenario(store: Store) -> None:
        store.grant(3, ACCOUNT, 8, 1, WALL - 1000)
        office = Office(store)
        office.take(concurrency=2)
        office.ask(0, 1)
        assert await office.run_once() == [
            link.IdentifyGrant(shard_id=0, grant_id=4, epoch=1),
            link.IdentifyGrant(shard_id=1, grant_id=5, epoch=2),
        ]
        status = office.queue.status()
        assert (status.spent, status.remaining, status.waiting) == (3, 997, [])

    play(scenario)


def test_the_next_turn_comes_a_window_after_the_identify_was_sent(play: Play) -> None:
    async def scenario(store: Store) -> None:
        office = Office.asked(store, 0, 1, 2)
        (grant,) = await office.run_once()
        assert office.queue.status().waiting == [1, 2]
        assert await office.run_once(later=3.0) == []
        office.queue.handle(0, link.IdentifySent(shard_id=0, grant_id=grant.grant_id))
        assert office.queue.status().wait_s == 2 * INTERVAL_S
        assert await office.run_once(later=INTERVAL_S - 0.1) == []
        (grant,) = await office.run_once(later=0.1)
        assert grant.shard_id == 1

    play(scenario)


def test_a_worker_that_asks_again_is_told_again(play: Play) -> None:
    async def scenario(store: Store) -> None:
        office = Office.asked(store, 0)
        (grant,) = await office.run_once()
        office.ask(0)
        assert office.sent == [(0, grant), (0, grant)]
        assert office.queue.status().spent == 1

    play(scenario)


def test_an_unused_grant_is_taken_back_from_the_ledger_once(play: Play) -> None:
    async def scenario(store: Store) -> None:
        office = Office.asked(store, 0)
        (grant,) = await office.run_once()
        for _ in range(2):
            office.queue.handle(0, link.IdentifyUnused(shard_id=0, grant_id=grant.grant_id))
        status = office.queue.status()
        assert (status.spent, status.remaining) == (0, 1000)
        assert (status.granted, status.returned) == (1, 1)
        office.ask(0)
        (again,) = await office.run_once()
        assert office.queue.status().granted == 2
        assert again.epoch == 2, "an epoch is never given twice"

    play(scenario)


def test_a_grant_that_nobody_took_is_not_spent(play: Play) -> None:
    async def scenario(store: Store) -> None:
        office = Office.asked(store, 0, 1, absent=(0,))
        (grant,) = await office.run_once()
        assert (grant.shard_id, office.queue.status().spent) == (1, 1)

    play(scenario)


def test_a_grant_that_found_a_full_pipe_is_given_when_it_has_room(play: Play) -> None:
    """Its claim keeps its place, and keeps nobody waiting meanwhile."""

    async def scenario(store: Store) -> None:
        office = Office(store, absent=(0,))
        office.take(concurrency=2)
        office.ask(0, 2, 4, 1)
        (grant,) = await office.run_once()
        assert grant.shard_id == 1
        status = office.queue.status()
        assert (sorted(status.waiting), status.spent) == ([0, 2, 4], 1)
        assert store.next_grant_id() == 3, "one was tried, and for the others nothing is written"
        assert await office.run_once(later=REACH_AGAIN_S - 0.1) == []
        assert store.next_grant_id() == 3
        assert await office.run_once(later=0.1) == []
        office.absent.clear()
        (grant,) = await office.run_once(later=REACH_AGAIN_S)
        assert (grant.shard_id, office.queue.status().waiting) == (0, [2, 4])
        assert office.queue.status().spent == 2

    play(scenario)


def test_a_full_pipe_is_tried_again_by_itself(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("coordinator.identifies.queue.REACH_AGAIN_S", 0.01)

    async def scenario(store: Store) -> None:
        office = Office.asked(store, 0, absent=(0,))
        running = asyncio.ensure_future(office.queue.run())
        async with asyncio.timeout(60):
            while not office.refused:  # noqa: ASYNC110  # nobody would set an event
                await asyncio.sleep(0)
            office.absent.clear()
            office.now += 1.0
            while not office.sent:  # noqa: ASYNC110
                await asyncio.sleep(0)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    play(scenario)


def test_a_worker_that_asks_is_there_and_all_its_claims_are_tried_at_once(play: Play) -> None:
    async def scenario(store: Store) -> None:
        office = Office.asked(store, 0, 2, absent=(0,))
        assert await office.run_once() == []
        office.absent.clear()
        office.ask(4)
        (grant,) = await office.run_once()
        assert (grant.shard_id, office.queue.status().waiting) == (0, [2, 4])

    play(scenario)


@pytest.mark.parametrize("end", ["withdraw", "gone"])
def test_a_claim_whose_worker_took_no_grant_can_be_given_up(play: Play, end: str) -> None:
    async def scenario(store: Store) -> None:
        office = Office.asked(store, 0, absent=(0,))
        assert await office.run_once() == []
        office.queue.withdraw(0, 0) if end == "withdraw" else office.queue.gone(0)
        office.absent.clear()
        assert office.queue.status().waiting == []
        assert await office.run_once(later=2 * REACH_AGAIN_S) == []

    play(scenario)


def test_a_grant_that_is_told_again_into_a_full_pipe_stays_given(play: Play) -> None:
    """It may have reached the worker the first time, so it is not surely unsent."""

    async def scenario(store: Store) -> None:
        office = Office.asked(store, 0)
        (grant,) = await office.run_once()
        office.absent.add(0)
        office.ask(0)
        assert office.queue.status().spent == 1
        office.absent.clear()
        assert await office.run_once(later=REACH_AGAIN_S) == [grant]
        office.absent.add(0)
        office.ask(0)
        office.queue.handle(0, link.IdentifySent(shard_id=0, grant_id=grant.grant_id))
        office.absent.clear()
        assert await office.run_once(later=REACH_AGAIN_S) == [], "it knows by now"
        assert office.queue.status().waiting == []

    play(scenario)


def test_a_grant_that_found_a_full_pipe_and_was_lost_is_asked_for_anew(play: Play) -> None:
    async def scenario(store: Store) -> None:
        office = Office.asked(store, 0)
        (grant,) = await office.run_once()
        office.absent.add(0)
        office.ask(0)
        office.absent.clear()
        office.now += GRANT_TIMEOUT_S
        assert await office.run_once() == [grant], "it is told until it is given up"
        office.ask(0)
        (anew,) = await office.run_once(later=INTERVAL_S + REACH_AGAIN_S)
        assert anew.grant_id > grant.grant_id

    play(scenario)


def test_the_grant_of_a_dead_worker_stays_spent(play: Play) -> None:
    async def scenario(store: Store) -> None:
        office = Office.asked(store, 0, 2)
        await office.run_once()
        office.queue.gone(0)
        status = office.queue.status()
        assert (status.spent, status.remaining, status.waiting) == (1, 999, [])
        office.ask(0)
        assert await office.run_once(later=INTERVAL_S - 0.1) == []
        assert len(await office.run_once(later=0.1)) == 1

    play(scenario)


@pytest.mark.parametrize("moved", [False, True])
def test_an_identify_whose_worker_is_gone_is_waited_for_no_more(play: Play, moved: bool) -> None:
    async def scenario(store: Store) -> None:
        office = Office.asked(store, 0)
        (grant,) = await office.run_once()
        sent = link.IdentifySent(shard_id=0, grant_id=grant.grant_id)
        office.queue.handle(0, sent)
        assert office.queue._unanswered == {(0, 0): grant.grant_id}
        office.queue.withdraw(0, 0) if moved else office.queue.gone(0)
        assert office.queue._unanswered == {}

    play(scenario)


@pytest.mark.parametrize("said", [True, False])
def test_a_restart_keeps_the_bucket_closed_and_the_ledger(play: Play, said: bool) -> None:
    async def scenario(store: Store) -> None:
        first = Office(store)
        first.take()
        first.ask(0)
        (grant,) = await first.run_once()
        if said:
            first.queue.handle(0, link.IdentifySent(shard_id=0, grant_id=grant.grant_id))
        second = Office(store, wall=WALL + 2.0)
        second.take(remaining=1000)  # Discord has not counted it yet
        assert second.queue.status().remaining == 999
        second.ask(1)
        closed = INTERVAL_S - 2.0 if said else INTERVAL_S  # it may be sent at this moment
        assert await second.run_once(later=closed - 0.1) == []
        assert len(await second.run_once(later=0.11)) == 1

    play(scenario)


def test_a_start_over_the_budget_is_refused(play: Play) -> None:
    async def scenario(store: Store) -> None:
        office = Office(store)
        office.take(total=1000, remaining=7)
        office.queue.require(7)
        with pytest.raises(BudgetError, match="8 identifies are needed and 7 of 1000 are left"):
            office.queue.require(8)

    play(scenario)


def test_after_the_reset_the_numbers_are_fetched_before_anything_is_granted(play: Play) -> None:
    async def scenario(store: Store) -> None:
        office = Office(store)
        office.take(remaining=1)
        office.ask(0, 1)
        (grant,) = await office.run_once()
        office.queue.handle(0, link.IdentifySent(shard_id=0, grant_id=grant.grant_id))
        assert await office.run_once(later=3600.0) == []
        office.fetched = [limit(remaining=1000)]
        (grant,) = await office.run_once(later=86_400.0)
        assert grant.shard_id == 1
        assert office.fetched == []
        assert office.queue.status().remaining == 999

    play(scenario)


def test_numbers_that_cant_be_fetched_grant_nothing_and_are_asked_for_again(play: Play) -> None:
    async def scenario(store: Store) -> None:
        office = Office(store)
        office.take(remaining=0)
        office.ask(0)
        office.fetched = [ClusterError("no answer"), limit(remaining=5)]
        assert await office.run_once(later=86_400.0) == []
        assert len(await office.run_once(later=30.0)) == 1

    play(scenario)


def test_a_ledger_that_cant_be_written_grants_nothing(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario(store: Store) -> None:
        office = Office.asked(store, 0)

        def full(*_: object) -> int:
            raise StoreError("database or disk is full")

        with monkeypatch.context() as patch:
            patch.setattr(store, "grant", full)
            assert await office.run_once() == []
        assert office.queue.status().waiting == [0]
        assert len(await office.run_once(later=30.0)) == 1
        assert office.queue.status().spent == 1

    play(scenario)


def test_a_worker_is_not_heard_for_shards_of_others(play: Play) -> None:
    async def scenario(store: Store) -> None:
        office = Office(store)
        office.take(concurrency=2)
        for shard in (1, 8, -2, 2**63):
            office.queue.handle(0, link.IdentifyRequest(shard_id=shard))
        assert await office.run_once() == []
        office.ask(1)
        (grant,) = await office.run_once()
        office.queue.handle(0, link.IdentifyUnused(shard_id=1, grant_id=grant.grant_id))
        assert office.queue.status().spent == 1
        assert office.owners.refused == 5

    play(scenario)


def test_old_numbers_are_fetched_again_while_grants_go_on(play: Play) -> None:
    async def scenario(store: Store) -> None:
        office = Office(store)
        office.take()
        office.now += FRESH_S
        office.ask(0)
        office.fetched = [limit(remaining=700)]
        assert len(await office.run_once()) == 1
        assert office.fetched == []
        assert office.queue.status().remaining == 699, "its identify is still to come"

    play(scenario)


def test_a_reset_that_is_always_now_is_asked_after_twice_a_minute(play: Play) -> None:
    """As Discord says it while nothing is spent; shards wait for their bucket."""

    async def scenario(store: Store) -> None:
        office = Office(store)
        now = msgspec.structs.replace(limit(), reset_after=0)
        office.queue.take(now, office.now)
        office.ask(0, 2)
        assert len(await office.run_once()) == 1
        office.fetched = [now] * 5
        for later, left in ((ASK_AGAIN_S - 0.1, 5), (0.1, 4), (0.0, 4), (ASK_AGAIN_S, 3)):
            await office.run_once(later=later)
            assert len(office.fetched) == left

    play(scenario)


def test_who_waits_where_nothing_is_left_and_the_reset_is_now_is_told_when_it_is_asked_again(
    play: Play,
) -> None:
    async def scenario(store: Store) -> None:
        office = Office(store)
        office.queue.take(msgspec.structs.replace(limit(remaining=0), reset_after=0), office.now)
        office.ask(0)
        assert office.queue.status().wait_s == ASK_AGAIN_S

    play(scenario)


def test_the_end_gives_up_a_renewal_that_is_under_way(play: Play) -> None:
    async def scenario(store: Store) -> None:
        office, given_up = Office(store), asyncio.Event()
        answer: asyncio.Future[SessionStartLimit] = asyncio.get_running_loop().create_future()

        async def hangs() -> SessionStartLimit:
            try:
                return await answer
            finally:
                given_up.set()

        office.fetch = hangs  # type: ignore[method-assign]
        office.queue.hold(ClusterError("the API is away"))
        await office.run_once(later=ASK_AGAIN_S)
        assert given_up.is_set()

    play(scenario)


def test_who_waits_for_the_reset_asks_after_it_every_ten_minutes(play: Play) -> None:
    """A machine that was suspended, or Discord, may be nearer to it than this clock."""

    async def scenario(store: Store) -> None:
        office = Office(store)
        office.take(remaining=0)
        office.ask(0)
        assert await office.run_once() == []
        assert office.queue._next_at(office.now) == office.now + FRESH_S
        office.fetched = [limit(remaining=5)]
        assert len(await office.run_once(later=FRESH_S)) == 1

    play(scenario)


def test_numbers_that_cant_be_renewed_are_said_and_asked_for_again_later(play: Play) -> None:
    async def scenario(store: Store) -> None:
        office = Office(store)
        office.take(concurrency=2)
        office.now += FRESH_S
        office.ask(0)
        office.fetched = [ClusterError("no answer"), limit(remaining=5, concurrency=2)]
        assert len(await office.run_once()) == 1, "the old ones are good enough"
        assert "no answer" in office.queue.status().trouble
        office.ask(1)
        await office.run_once(later=ASK_AGAIN_S - 1)
        assert len(office.fetched) == 1
        office.ask(2)
        await office.run_once(later=1)
        assert office.fetched == []
        assert office.queue.status().trouble == ""

    play(scenario)


def test_a_rate_limit_is_waited_for(play: Play) -> None:
    async def scenario(store: Store) -> None:
        office = Office(store)
        office.take()
        office.now += FRESH_S
        office.ask(0, 1)
        limited = RateLimitedError("rate limited for 600 s")
        limited.retry_after_s = 600.0
        office.fetched = [limited, limit()]
        await office.run_once()
        await office.run_once(later=599.0)
        assert len(office.fetched) == 1
        await office.run_once(later=1.0)
        assert office.fetched == []

    play(scenario)


def refusal(seconds: float = 0.0) -> ApiUnavailableError:
    error = ApiUnavailableError("the API is away")
    error.retry_after_s = seconds
    return error


def test_without_numbers_nothing_is_granted_until_discord_has_said_them(play: Play) -> None:
    async def scenario(store: Store) -> None:
        office = Office(store)
        office.queue.hold(refusal(3600.0))
        office.ask(0, 1)
        office.fetched = [limit(remaining=7, concurrency=2)]
        assert await office.run_once(later=3599.0) == []
        assert len(office.fetched) == 1, "it is left alone until then"
        status = office.queue.status()
        assert (status.known, status.asked_again_s, status.waiting) == (False, 1.0, [0, 1])
        assert "the API is away" in status.trouble
        assert len(await office.run_once(later=1.0)) == 2, "a grant in each of two buckets"
        status = office.queue.status()
        assert (status.known, status.asked_again_s, status.trouble) == (True, None, "")
        assert (status.remaining, status.max_concurrency) == (5, 2)

    play(scenario)


def test_without_numbers_they_are_asked_for_though_nobody_waits(play: Play) -> None:
    async def scenario(store: Store) -> None:
        office = Office(store)
        office.queue.hold(refusal())
        office.fetched = [limit()]
        await office.run_once(later=SOON_S)
        assert office.queue.status().known

    play(scenario)


def test_the_queue_asks_by_itself_when_it_may(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("coordinator.identifies.budget_renewal.SOON_S", 0.01)

    async def scenario(store: Store) -> None:
        office = Office(store)
        office.clock = asyncio.get_running_loop().time  # type: ignore[method-assign]
        office.queue.hold(refusal())
        office.fetched = [limit()]
        office.ask(0)
        running = asyncio.ensure_future(office.queue.run())
        async with asyncio.timeout(60):
            while not office.sent:  # noqa: ASYNC110
                await asyncio.sleep(0.001)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    play(scenario)


@pytest.mark.parametrize(
    ("seconds", "waits"),
    [
        (0.0, [1.0, 60.0, 120.0, 240.0, 480.0, 600.0, 600.0]),
        (2.0, [2.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0]),
        (3600.0, [3600.0] * 7),
    ],
)
def test_who_goes_on_refusing_is_asked_less_and_less(
    play: Play, seconds: float, waits: list[float]
) -> None:
    async def scenario(store: Store) -> None:
        office = Office(store)
        office.queue.hold(refusal(seconds))
        for wait in waits:
            assert office.queue.status().asked_again_s == wait
            office.fetched = [refusal(seconds)]
            await office.run_once(later=wait - 0.001)
            assert len(office.fetched) == 1
            await office.run_once(later=0.001)
            assert office.fetched == []

    play(scenario)


def test_an_answer_ends_the_growing_of_waits(play: Play) -> None:
    async def scenario(store: Store) -> None:
        office = Office(store)
        office.queue.hold(refusal(5.0))
        office.fetched = [limit()]
        await office.run_once(later=5.0)
        office.ask(0)
        office.fetched = [refusal(1.0)]
        await office.run_once(later=FRESH_S)
        assert office.queue.status().asked_again_s == 1.0

    play(scenario)


@pytest.mark.parametrize("hangs", [True, False])
def test_who_waits_for_numbers_does_not_turn_in_a_circle(play: Play, hangs: bool) -> None:
    async def scenario(store: Store) -> None:
        office = Office(store)
        office.take(remaining=0)
        office.ask(0)
        looks = 0

        def clock() -> float:
            nonlocal looks
            looks += 1
            return office.now

        async def fetch() -> SessionStartLimit:
            if hangs:
                await asyncio.Event().wait()
            raise refusal(3600.0)

        office.clock, office.fetch = clock, fetch  # type: ignore[method-assign]
        office.now += 86_400.0
        running = asyncio.ensure_future(office.queue.run())
        for _ in range(300):
            await asyncio.sleep(0)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        assert looks < 60

    play(scenario)


def test_what_refuses_for_another_cause_is_held_and_told_too(play: Play) -> None:
    async def scenario(store: Store) -> None:
        office = Office(store)
        office.queue.hold(TokenRefusedError("Discord refused the token"))
        status = office.queue.status()
        assert status.asked_again_s == ASK_AGAIN_S
        assert "refused the token" in status.trouble

    play(scenario)


def test_without_numbers_nobody_is_told_that_none_are_left(play: Play) -> None:
    async def scenario(store: Store) -> None:
        office = Office(store)
        office.queue.hold(refusal())
        with pytest.raises(ApiUnavailableError, match=r"not known.*the API is away"):
            office.queue.require(1)
        with pytest.raises(ApiUnavailableError, match="not known"):
            await office.queue.verbs()["identify_budget"]({"asker": ""})

    play(scenario)


def test_what_was_not_foreseen_ends_the_queue(play: Play) -> None:
    async def scenario(store: Store) -> None:
        office = Office(store)
        office.take()
        office.now += FRESH_S
        office.ask(0)
        office.fetched = [limit(concurrency=0)]  # which no decoder lets through
        with pytest.raises(ZeroDivisionError):
            async with asyncio.timeout(60):
                await office.queue.run()

    play(scenario)
