"""The identify limiter: by example, and by property against a Discord that counts."""

from __future__ import annotations

from collections import defaultdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cluster.discord.limits import IDENTIFY_WINDOW_S
from cluster.errors import BudgetError
from cluster.identify.bucket import Grant
from cluster.identify.limiter import GRANT_TIMEOUT_S, IdentifyLimiter

MARGIN_S = 0.25
INTERVAL_S = IDENTIFY_WINDOW_S + MARGIN_S
DAY_S = 86_400.0


def limiter(
    *,
    total: int = 1000,
    remaining: int = 1000,
    spent: int = 0,
    concurrency: int = 1,
    reserve: int = 0,
    share: int | None = None,
) -> IdentifyLimiter:
    made = IdentifyLimiter(margin_s=MARGIN_S, reserve=reserve, share=share)
    made.refresh(
        total=total,
        remaining=remaining,
        reset_at=DAY_S,
        spent=spent,
        max_concurrency=concurrency,
        asked_at=0.0,
    )
    return made


def ask(limiter: IdentifyLimiter, shards: list[int], owner: int = 0) -> None:
    for shard in shards:
        limiter.request(shard, owner)


def shards_of(grants: list[Grant]) -> list[int]:
    return [grant.shard_id for grant in grants]


def waiting(limiter: IdentifyLimiter, now: float) -> list[int]:
    return [claim.shard_id for _, claim in limiter.schedule(now)]


def test_a_bucket_opens_a_window_and_a_margin_after_the_identify_was_sent() -> None:
    one = limiter()
    ask(one, [0, 1])
    (grant,) = one.due(100.0)
    assert one.due(103.0) == []
    one.sent(0, grant.grant_id, 103.0)  # sent 3 s after the grant: the window runs from here
    assert one.due(103.0 + INTERVAL_S - 0.01) == []
    assert one.next_at(104.0) == 103.0 + INTERVAL_S
    assert shards_of(one.due(103.0 + INTERVAL_S)) == [1]


def test_every_bucket_gives_at_once_and_in_shard_order() -> None:
    one = limiter(concurrency=4)
    ask(one, [7, 2, 5, 3, 4, 0, 1, 6])
    assert shards_of(one.due(0.0)) == [0, 1, 2, 3]
    assert waiting(one, 0.0) == [4, 5, 6, 7]
    assert one.schedule(0.0)[-1][0] == INTERVAL_S


def test_grant_ids_go_on_from_where_the_ledger_ends() -> None:
    one = IdentifyLimiter(first_grant_id=41)
    one.refresh(total=10, remaining=10, reset_at=DAY_S, spent=0, max_concurrency=2, asked_at=0.0)
    ask(one, [0, 1])
    assert [grant.grant_id for grant in one.due(0.0)] == [41, 42]


def test_asking_twice_is_one_grant_and_the_same_one_again() -> None:
    one = limiter()
    ask(one, [0, 0])
    (grant,) = one.due(0.0)
    assert one.request(0, 0) == grant
    one.sent(0, grant.grant_id, 0.0)
    assert one.due(INTERVAL_S) == []


def test_an_unused_grant_comes_back_and_frees_its_bucket() -> None:
    one = limiter(remaining=1)
    ask(one, [0, 1])
    (grant,) = one.due(0.0)
    assert one.available == 0
    assert one.unused(0, grant.grant_id)
    assert not one.unused(0, grant.grant_id)
    assert one.available == 1
    assert shards_of(one.due(0.1)) == [1]


def test_the_grant_of_a_dead_worker_is_spent_and_closes_its_bucket() -> None:
    one = limiter(remaining=5, concurrency=2)
    ask(one, [0, 2], owner=0)
    ask(one, [1, 4], owner=1)
    assert shards_of(one.due(0.0)) == [0, 1]
    assert shards_of(one.gone(0, 3.0)) == [0]
    assert one.available == 3
    assert waiting(one, 3.0) == [4], "the dead worker's shards wait no more"
    assert one.due(3.0 + INTERVAL_S - 0.01) == []
    assert shards_of(one.due(3.0 + INTERVAL_S)) == [4]


def test_a_grant_of_which_nothing_is_heard_is_given_up() -> None:
    one = limiter()
    ask(one, [0, 1])
    one.due(0.0)
    assert one.next_at(1.0) == GRANT_TIMEOUT_S
    assert one.due(GRANT_TIMEOUT_S) == []
    assert shards_of(one.due(GRANT_TIMEOUT_S + INTERVAL_S)) == [1]
    assert one.available == 998


def test_a_late_word_of_an_identify_that_was_given_up_still_closes_the_bucket() -> None:
    one = limiter()
    ask(one, [0, 1])
    (grant,) = one.due(0.0)
    one.due(GRANT_TIMEOUT_S)
    one.sent(0, grant.grant_id, GRANT_TIMEOUT_S + 5.0)
    assert one.due(GRANT_TIMEOUT_S + INTERVAL_S) == []
    assert shards_of(one.due(GRANT_TIMEOUT_S + 5.0 + INTERVAL_S)) == [1]


def test_identifies_from_before_a_restart_keep_their_bucket_closed() -> None:
    one = limiter()
    one.close_bucket(0, 2.0)
    ask(one, [0])
    assert one.due(1.9) == []
    assert shards_of(one.due(2.0)) == [0]


@pytest.mark.parametrize(
    ("numbers", "available"),
    [
        ({"total": 1000, "remaining": 990, "spent": 4}, 990),
        ({"total": 1000, "remaining": 1000, "spent": 40}, 960),  # our ledger knows better
        ({"total": 1000, "remaining": 990, "reserve": 100}, 890),
        ({"total": 1000, "remaining": 990, "share": 250, "spent": 200}, 50),
        ({"total": 1000, "remaining": 5, "reserve": 10}, 0),
    ],
)
def test_the_budget_is_the_smaller_of_ledger_and_remaining(
    numbers: dict[str, int], available: int
) -> None:
    assert limiter(**numbers).available == available


def test_a_start_that_would_overspend_is_refused_with_the_numbers() -> None:
    one = limiter(total=1000, remaining=30, reserve=10)
    one.require(20, 0.0)
    with pytest.raises(BudgetError) as caught:
        one.require(21, DAY_S - 7_500.0)
    assert caught.value.cause == (
        "21 identifies are needed and 30 of 1000 are left, of which 10 are kept in reserve"
    )
    assert "2 h 05 min" in caught.value.action


def test_after_the_reset_nothing_is_granted_before_the_numbers_are_fetched() -> None:
    one = limiter(remaining=1)
    ask(one, [0, 1])
    (grant,) = one.due(0.0)
    one.sent(0, grant.grant_id, 0.0)
    assert one.next_at(10.0) == DAY_S
    assert not one.needs_refresh(DAY_S - 1)
    assert one.due(DAY_S) == []
    assert one.needs_refresh(DAY_S)
    one.refresh(
        total=1000, remaining=1000, reset_at=2 * DAY_S, spent=0, max_concurrency=1, asked_at=0.0
    )
    assert shards_of(one.due(DAY_S)) == [1]


def test_a_refresh_counts_grants_that_discord_has_not_seen() -> None:
    one = limiter()
    ask(one, [0, 1])
    one.due(0.0)
    one.refresh(total=10, remaining=5, reset_at=DAY_S, spent=0, max_concurrency=1, asked_at=0.0)
    assert one.available == 4


@pytest.mark.parametrize("after", [1, 2, 3, 16])
def test_another_concurrency_never_opens_a_bucket_early(after: int) -> None:
    one = limiter(concurrency=4)
    ask(one, list(range(8)))
    for grant in one.due(0.0)[:2]:
        one.sent(grant.shard_id, grant.grant_id, 1.0)
    one.refresh(
        total=1000, remaining=990, reset_at=DAY_S, spent=4, max_concurrency=after, asked_at=0.0
    )
    assert one.due(1.0 + INTERVAL_S - 0.01) == []
    assert sorted(waiting(one, 1.0)) == [4, 5, 6, 7]


def test_a_shard_that_fails_for_ever_starves_nobody() -> None:
    one = limiter()
    ask(one, [0, 1, 2])
    now, turns = 0.0, []
    for _ in range(5):
        (grant,) = one.due(now)
        turns.append(grant.shard_id)
        one.sent(grant.shard_id, grant.grant_id, now)
        ask(one, [0])  # 0 wants again, always
        now += INTERVAL_S
    assert turns == [0, 1, 2, 0, 0]


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("request"), st.integers(0, 11)),
        st.tuples(st.just("sent"), st.integers(0, 11)),
        st.tuples(st.just("unused"), st.integers(0, 11)),
        st.tuples(st.just("undelivered"), st.integers(0, 11)),
        st.tuples(st.just("die"), st.integers(0, 2)),
        st.tuples(st.just("wait"), st.sampled_from([0, 1, 100, 499, 500, 525, 600, 3000, 4000])),
        st.tuples(st.just("refresh"), st.sampled_from([0, 1])),
    ),
    max_size=80,
)


@settings(max_examples=300, deadline=None)
@given(
    steps=STEPS, concurrency=st.integers(1, 5), budget=st.integers(0, 15), reserve=st.integers(0, 3)
)
def test_whatever_workers_do_discord_is_never_asked_too_much(
    steps: list[tuple[str, int]], concurrency: int, budget: int, reserve: int
) -> None:
    """Three workers of four shards each; a dead one may have sent its identify until it died."""
    one = IdentifyLimiter(margin_s=MARGIN_S, reserve=reserve)
    granted = returned = 0
    now = 0.0

    def refresh() -> None:
        spent = granted - returned
        one.refresh(
            total=budget,
            remaining=budget - identified,
            reset_at=DAY_S,
            spent=spent,
            max_concurrency=concurrency,
            asked_at=now,
        )

    identified = 0
    held: dict[int, Grant] = {}
    arrivals: dict[int, list[float]] = defaultdict(list)
    waits: set[int] = set()

    def arrive(shard: int) -> None:
        nonlocal identified
        identified += 1
        bucket = arrivals[shard % concurrency]
        assert not bucket or now - bucket[-1] >= INTERVAL_S - 1e-6
        bucket.append(now)

    refresh()
    for step, value in steps:
        if step == "request" and value not in held:
            assert one.request(value, value // 4) is None
            waits.add(value)
        elif step == "sent" and value in held:
            one.sent(value, held.pop(value).grant_id, now)
            arrive(value)
        elif step == "unused" and value in held:
            returned += one.unused(value, held.pop(value).grant_id)
        elif step == "undelivered" and value in held:
            returned += one.undelivered(held.pop(value))
        elif step == "die":
            one.gone(value, now)
            waits -= {s for s in waits if s // 4 == value}
            for shard in [s for s in held if s // 4 == value]:
                del held[shard]
                arrive(shard)  # the last moment in which it can have been sent
        elif step == "wait":
            now += value / 100
            # A worker sends at once or not at all: what is silent for so long was killed
            held = {s: g for s, g in held.items() if now < g.granted_at + GRANT_TIMEOUT_S}
        elif step == "refresh":
            refresh()
        before = waiting(one, now)
        assert set(before) == waits
        grants = one.due(now)
        assert shards_of(grants) == sorted(shards_of(grants), key=before.index)
        for grant in grants:
            granted += 1
            waits.remove(grant.shard_id)
            assert grant.shard_id not in held
            assert all(s % concurrency != grant.shard_id % concurrency for s in held)
            held[grant.shard_id] = grant
        assert granted - returned <= max(0, budget - reserve)
        assert identified <= budget
        next_s = one.next_at(now)
        assert (next_s is None) == (not waits)


@settings(max_examples=100, deadline=None)
@given(
    shards=st.sets(st.integers(0, 40), min_size=1, max_size=25),
    concurrency=st.integers(1, 8),
    delay=st.floats(0, 2),
)
def test_everybody_is_served_in_shard_order_within_the_time_told(
    shards: set[int], concurrency: int, delay: float
) -> None:
    """Waking only when next_at says so is enough, and nobody waits longer than his turn."""
    one = limiter(concurrency=concurrency)
    ask(one, list(shards))
    expected = one.schedule(0.0)[-1][0]
    served: dict[int, list[int]] = defaultdict(list)
    now, turns = 0.0, 0
    while (next_s := one.next_at(now)) is not None:
        assert turns < 100
        now, turns = next_s, turns + 1
        for grant in one.due(now):
            one.sent(grant.shard_id, grant.grant_id, now + delay)
            served[grant.shard_id % concurrency].append(grant.shard_id)
    assert sorted(s for bucket in served.values() for s in bucket) == sorted(shards)
    assert all(bucket == sorted(bucket) for bucket in served.values())
    longest = max(len(bucket) for bucket in served.values())
    assert expected == pytest.approx((longest - 1) * INTERVAL_S)
    assert now <= expected + (longest - 1) * delay + 1e-6
