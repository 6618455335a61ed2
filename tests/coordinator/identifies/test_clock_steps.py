"""Identifies on a host whose clock is set, over restarts and boots: by example and by property."""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from collections.abc import Awaitable, Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cluster.discord.gateway_bot import SessionStartLimit
from cluster.identify.limiter import GRANT_TIMEOUT_S, IdentifyLimiter
from cluster.wire import link
from coordinator.host import HostClocks
from coordinator.identifies.grant_queue import Owners
from coordinator.identifies.ledger import RECENT_S, IdentifyLedger
from coordinator.identifies.queue import IdentifyQueue
from coordinator.sharding.assignments import Assignments
from coordinator.sharding.plan import Plan
from coordinator.state.sqlite_database import SqliteDatabase
from coordinator.state.store import Store
from coordinator.state.store_time import LONGEST_OFF_S, StoreTime

WINDOW_S, MARGIN_S = 5.0, 0.25
INTERVAL_S = WINDOW_S + MARGIN_S
HOUR_S, DAY_S, TEN_YEARS_S = 3600.0, 86_400.0, 315_360_000.0
STEPS = (-TEN_YEARS_S, -HOUR_S, -120.0, 120.0, HOUR_S, TEN_YEARS_S)
SHARDS, CONCURRENCY = 4, 2
DAILY = 6


class Host:
    """A host and the coordinator on it, whose store lives on. Discord counts from day to day of
    real time, and never says that anything was spent: the ledger alone knows."""

    def __init__(self) -> None:
        self.real = 1_800_000_000.0
        self.ahead = 0.0
        """How far the wall clock is ahead of real time."""
        self.boots = 0
        self.booted = self.real - 1000.0
        self.identified: list[tuple[float, int]] = []
        """Real time and shard of each identify that was sent."""
        self.was_deceived = False
        """The clock was set while nobody looked: between two boots nobody can know."""
        self._noted_ahead = 0.0
        self._taken: set[int] = set()
        """Ids of the grants that were used: one that is said twice is one."""
        self._db = SqliteDatabase.in_memory()
        self.start()

    def start(self) -> None:
        """Start the coordinator anew."""
        boot, booted = f"boot {self.boots}", self.booted
        clocks = HostClocks(boot, lambda: self.real - booted, lambda: self.real + self.ahead)
        self.store = Store(self._db, clocks)
        self._noted_ahead = self.ahead
        self.queue = IdentifyQueue(
            IdentifyLimiter(margin_s=MARGIN_S, first_grant_id=self.store.next_grant_id()),
            IdentifyLedger(self.store, account="account"),
            owners=Owners(Assignments(Plan(SHARDS, {0: tuple(range(SHARDS))}))),
            send=self._send,
            fetch=self._fetch,
            clock=clocks.since_boot,
            store_id=self.store.store_id,
            account="key",
        )
        self.queue.take(self._limit(), clocks.since_boot())
        self._grants: list[link.IdentifyGrant] = []

    def boot(self, off_s: float) -> None:
        """Switch the host off for so long, and start the coordinator soon after its boot."""
        self.was_deceived |= self.ahead != self._noted_ahead
        self.boots += 1
        self.booted = self.real + off_s
        self.real = self.booted + 0.1
        self.start()

    def move(self, up_s: float) -> None:
        """Start the coordinator on another host, which has been up for so long."""
        self.boots += 1
        self.booted = self.real - up_s
        self.start()

    def _send(self, slot: int, message: link.ToWorker) -> bool:
        assert isinstance(message, link.IdentifyGrant)
        self._grants.append(message)
        return True

    def _limit(self) -> SessionStartLimit:
        left = DAY_S - self.real % DAY_S
        return SessionStartLimit(
            total=DAILY, remaining=DAILY, reset_after=int(left * 1000),
            max_concurrency=CONCURRENCY,
        )  # fmt: skip

    async def _fetch(self) -> SessionStartLimit:
        return self._limit()

    def want(self, shard: int) -> None:
        self.queue.handle(0, link.IdentifyRequest(shard_id=shard))

    async def go_on(self, *, told: bool = True) -> list[int]:
        """Let the queue grant what is due; who is granted identifies at once. told: it says so.
        Return these shards."""
        running = asyncio.ensure_future(self.queue.run())
        for _ in range(12):
            await asyncio.sleep(0)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        grants = [grant for grant in self._grants if grant.grant_id not in self._taken]
        self._grants.clear()
        for grant in grants:
            self._taken.add(grant.grant_id)
            self.identified.append((self.real, grant.shard_id))
            if told:
                sent = link.IdentifySent(shard_id=grant.shard_id, grant_id=grant.grant_id)
                self.queue.handle(0, sent)
        return [grant.shard_id for grant in grants]

    def close(self) -> None:
        self._db.close()


@pytest.mark.parametrize("step", STEPS)
def test_a_clock_that_is_set_for_a_minute_leaves_the_ledger_as_it_was(step: float) -> None:
    async def scenario(host: Host) -> None:
        host.real += DAY_S - host.real % DAY_S - HOUR_S / 2  # the reset lies within the hour
        host.start()
        for shard in (0, 1):
            host.want(shard)
        assert await host.go_on() == [0, 1]
        host.ahead = step
        for shard in (2, 3):
            host.want(shard)
        host.real += 60.0
        assert await host.go_on() == [2, 3]
        host.start()
        assert host.queue.status().spent == 4
        host.ahead = 0.0
        host.start()
        assert host.queue.status().spent == 4
        host.real += DAY_S
        host.start()
        assert host.queue.status().spent == 0

    play(scenario)


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("boots", [False, True])
def test_a_bucket_stays_closed_over_a_restart_whatever_the_clock_was_set_to(
    step: float, boots: bool
) -> None:
    async def scenario(host: Host) -> None:
        host.want(0)
        assert await host.go_on() == [0]
        host.ahead = step
        host.real += 1.0
        if boots:
            host.boot(0.5)
        else:
            host.start()
        host.want(2)
        assert await host.go_on() == []
        opens = (host.booted if boots else host.identified[0][0]) + INTERVAL_S
        host.real = opens - 0.01
        assert await host.go_on() == []
        host.real = opens + 0.01
        assert await host.go_on() == [2]

    play(scenario)


def test_a_day_s_rows_are_done_with_a_day_later_though_the_clock_was_set_back_meanwhile() -> None:
    async def scenario(host: Host) -> None:
        host.want(0)
        assert await host.go_on() == [0]
        host.ahead = -TEN_YEARS_S
        host.boot(60.0)
        assert host.queue.status().spent == 1, "nobody knows for how long it was off"
        host.real += DAY_S
        host.start()
        assert host.queue.status().spent == 0

    play(scenario)


def test_a_clock_that_is_ten_years_ahead_at_a_boot_deletes_nothing() -> None:
    async def scenario(host: Host) -> None:
        host.want(0)
        assert await host.go_on() == [0]
        before = host.store.time.now()
        host.ahead = TEN_YEARS_S
        host.boot(60.0)
        assert host.store.time.now() == pytest.approx(before + LONGEST_OFF_S)
        host.queue.take(host._limit(), 0.0)
        rows = host.store._db.read("SELECT count(*) FROM identifies")
        assert rows == [(1,)]

    play(scenario)


def test_a_boot_takes_nothing_back_of_a_long_run_though_the_clock_was_set_back() -> None:
    """A coordinator that runs for weeks notes how far the time is."""

    async def scenario(host: Host) -> None:
        host.real += 10 * DAY_S
        host.want(0)
        assert await host.go_on() == [0]
        host.store.seen(SHARDS, [0], host.store.time.now())
        host.ahead = -TEN_YEARS_S
        host.boot(60.0)
        assert host.queue.status().spent == 1
        seen_at = host.store.known(SHARDS, 0).seen_at
        assert seen_at is not None
        assert host.store.time.now() > seen_at
        host.real += DAY_S
        host.start()
        assert host.queue.status().spent == 0, "a day later"

    play(scenario)


@pytest.mark.parametrize("ahead", [HOUR_S, TEN_YEARS_S])
def test_what_an_earlier_program_noted_of_the_future_counts_for_a_day_at_most(ahead: float) -> None:
    async def scenario(host: Host) -> None:
        then = host.real + ahead
        database = host.store._db
        database.write("DELETE FROM meta WHERE key = 'time'")
        host.store.grant(1, "account", SHARDS, 0, then)
        host.store.sent(1, then)
        host.store.seen(SHARDS, [0], then)
        database.write("INSERT OR REPLACE INTO resets VALUES ('account', ?, ?)", (then, then))
        database.write("DELETE FROM meta WHERE key = 'time'")
        host.start()
        assert host.queue.status().spent == 1
        assert host.store.known(SHARDS, 0).seen_at is None
        host.real += RECENT_S + 1.0
        host.start()
        host.want(0)
        assert await host.go_on() == [0], "its bucket is open"
        host.real += DAY_S
        host.start()
        assert host.queue.status().spent == 0

    play(scenario)


@pytest.mark.parametrize("skew", [0.0, 120.0])
def test_a_state_folder_that_goes_to_a_host_that_was_up_for_long_forgets_nothing(
    skew: float,
) -> None:
    """As one on a shared disk does, with whatever runs the cluster."""

    async def scenario(host: Host) -> None:
        host.want(0)
        assert await host.go_on() == [0]
        host.ahead = skew
        host.real += 1.0
        host.move(300 * DAY_S)
        begun = host.real
        assert host.queue.status().spent == 1
        host.want(2)
        assert await host.go_on() == [], "its bucket is closed"
        host.real = begun + INTERVAL_S - 0.01
        assert await host.go_on() == []
        host.real = begun + INTERVAL_S + 0.01
        assert await host.go_on() == [2]
        host.real += DAY_S
        host.start()
        assert host.queue.status().spent == 0

    play(scenario)


@pytest.mark.parametrize("step", STEPS)
def test_a_boot_id_that_lies_counts_as_another_boot(step: float) -> None:
    """As in a container that is brought back in a time namespace of its own."""
    real, ahead = 5000.0, 0.0
    before = StoreTime.follow(None, HostClocks("b", lambda: real, lambda: real + ahead))
    anchor, ahead = before.anchor(), step
    after = StoreTime.follow(anchor, HostClocks("b", lambda: 3.0, lambda: real + ahead))
    assert anchor.time + 3.0 <= after.now() <= anchor.time + LONGEST_OFF_S
    assert after.age(anchor.time) == 3.0


EVENTS = st.one_of(
    st.tuples(st.just("pass"), st.sampled_from([0.0, 1.0, 4.9, 5.3, 40.0, HOUR_S, DAY_S / 2])),
    st.tuples(st.just("set"), st.sampled_from([0.0, *STEPS])),
    st.tuples(st.just("start"), st.just(0.0)),
    st.tuples(st.just("boot"), st.sampled_from([0.5, 3.0, 30.0, HOUR_S, 3 * DAY_S])),
    st.tuples(st.just("want"), st.sampled_from([0.0, 1.0, 2.0, 3.0])),
    st.tuples(st.just("want untold"), st.sampled_from([0.0, 1.0, 2.0, 3.0])),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(EVENTS, max_size=25))
def test_whatever_the_clock_is_set_to_discord_is_never_asked_too_much_nor_too_late(
    events: list[tuple[str, float]],
) -> None:
    async def scenario(host: Host) -> None:
        for kind, value in events:
            match kind:
                case "pass":
                    host.real += value
                case "set":
                    host.ahead = value
                case "start":
                    host.start()
                case "boot":
                    host.boot(value)
                case _:
                    host.want(int(value))
            await host.go_on(told=kind != "want untold")
        by_bucket = Counter(shard % CONCURRENCY for _, shard in host.identified)
        for bucket in by_bucket:
            times = [at for at, shard in host.identified if shard % CONCURRENCY == bucket]
            gaps = [later - earlier for earlier, later in itertools.pairwise(times)]
            assert all(gap >= WINDOW_S for gap in gaps), gaps
        if not host.was_deceived:
            by_day = Counter(at // DAY_S for at, _ in host.identified)
            assert all(count <= DAILY for count in by_day.values()), by_day
        await grants_in_time(host)

    play(scenario)


async def grants_in_time(host: Host) -> None:
    """Nobody waits for longer than for what may be out, the turns before, and the budget's day."""
    host.real += GRANT_TIMEOUT_S
    await host.go_on()
    host.want(0)
    given = []
    for _ in range(SHARDS + 1):
        host.real += INTERVAL_S
        given += await host.go_on()
    if 0 not in given:
        assert host.queue.status().remaining == 0
        host.real += DAY_S
        for _ in range(SHARDS):
            given += await host.go_on()
            host.real += INTERVAL_S
    assert 0 in given


def play(scenario: Callable[[Host], Awaitable[None]]) -> None:
    async def whole() -> None:
        host = Host()
        try:
            await scenario(host)
        finally:
            host.close()

    asyncio.run(whole())
