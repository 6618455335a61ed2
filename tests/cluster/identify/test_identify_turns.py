"""Whose turn it is and what is left of the budget, where few would look."""

from __future__ import annotations

import pytest

from cluster.discord.limits import IDENTIFY_WINDOW_S
from cluster.errors import BudgetError
from cluster.identify.bucket import Outsider
from cluster.identify.limiter import GRANT_TIMEOUT_S, IdentifyLimiter
from tests.cluster.identify.test_identify_limiter import (
    DAY_S,
    INTERVAL_S,
    MARGIN_S,
    ask,
    limiter,
    shards_of,
    waiting,
)


@pytest.mark.parametrize("number", [-1, 1])
def test_an_unused_grant_that_is_not_the_outstanding_one_gives_nothing_back(number: int) -> None:
    """Neither one from before, whose word comes late, nor one that nobody was given."""
    one = limiter(remaining=10)
    ask(one, [0])
    (lost,) = one.due(0.0)
    one.due(GRANT_TIMEOUT_S)
    ask(one, [0])
    (grant,) = one.due(GRANT_TIMEOUT_S + INTERVAL_S)
    assert grant.grant_id == lost.grant_id + 1
    before = one.remaining
    assert not one.unused(0, grant.grant_id + number)
    assert one.remaining == before
    assert one.request(0, 0) == grant, "it is outstanding all the same"
    assert one.unused(0, grant.grant_id)
    assert one.remaining == before + 1


def test_of_two_grants_in_one_bucket_both_are_waited_out() -> None:
    """max_concurrency was lowered while both were out: the older one may be sent as late as any."""
    one = limiter(concurrency=2)
    ask(one, [0, 1])
    older, newer = one.due(10.0)
    assert older.grant_id < newer.grant_id
    one.refresh(total=1000, remaining=1000, reset_at=DAY_S, spent=2, max_concurrency=1,
                asked_at=11.0)  # fmt: skip
    ask(one, [2])
    one.sent(newer.shard_id, newer.grant_id, 12.0)
    assert one.due(12.0 + INTERVAL_S) == [], "the older one may still be sent"
    assert one.next_at(20.0) == 10.0 + GRANT_TIMEOUT_S
    assert shards_of(one.due(10.0 + GRANT_TIMEOUT_S)) == [2]


def test_who_gives_up_waits_no_more() -> None:
    one = limiter()
    ask(one, [0, 1])
    one.withdraw(0, 1)  # another asker's
    one.withdraw(5, 0)  # it never asked
    assert waiting(one, 0.0) == [0, 1]
    one.withdraw(0, 0)
    assert waiting(one, 0.0) == [1]
    assert shards_of(one.due(0.0)) == [1]


def test_a_grant_that_reached_nobody_was_no_turn() -> None:
    """It is not spent, and who asks again has the place that it had."""
    one = limiter(remaining=10)
    ask(one, [0, 1])
    (grant,) = one.due(0.0)
    other = grant._replace(grant_id=grant.grant_id + 1)
    assert not one.undelivered(other)
    assert one.undelivered(grant)
    assert not one.undelivered(grant)
    assert one.remaining == 10
    ask(one, [0])
    assert shards_of(one.due(0.0)) == [0]


def test_a_ready_where_nothing_was_sent_says_nothing() -> None:
    one = limiter()
    ask(one, [0])
    one.accepted(0, 1, 3.0)
    assert shards_of(one.due(3.0)) == [0]


def test_numbers_are_old_from_the_reset_on() -> None:
    one = limiter()
    one.refresh(total=5, remaining=5, reset_at=7.0, spent=0, max_concurrency=1, asked_at=0.0)
    assert not one.stale(8.0), "nobody waits"
    ask(one, [0])
    assert [one.stale(now) for now in (6.9, 7.0)] == [False, True]


def test_who_is_over_the_budget_waits_for_the_reset() -> None:
    """The turns are counted over all buckets, in the order in which they come."""
    one = limiter(remaining=3, concurrency=2)
    ask(one, [4, 1, 2, 3, 0])
    assert [(at, claim.shard_id) for at, claim in one.schedule(10.0)] == [
        (10.0, 0), (10.0, 1), (10.0 + INTERVAL_S, 2), (DAY_S, 3), (DAY_S, 4)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (-5.0, "0 s"), (0.4, "0 s"), (59.4, "59 s"), (60.0, "1 min"), (61.0, "2 min"),
        (3540.0, "59 min"), (3541.0, "1 h 00 min"), (3600.0, "1 h 00 min"),
        (7500.0, "2 h 05 min"), (86_400.0, "24 h 00 min"),
    ],
)  # fmt: skip
def test_a_refusal_says_when_the_identifies_return(seconds: float, said: str) -> None:
    one = limiter(remaining=3)
    one.reset_at = 100.0 + seconds
    with pytest.raises(BudgetError) as caught:
        one.require(4, 100.0)
    assert caught.value.cause == "4 identifies are needed and 3 of 1000 are left"
    assert caught.value.action == f"they return in {said}: start then, or with fewer shards"


def test_before_the_first_numbers_nothing_is_granted() -> None:
    one = IdentifyLimiter()
    assert (one.total, one.remaining, one.available, one.max_concurrency) == (0, 0, 0, 1)
    assert one.interval_s == IDENTIFY_WINDOW_S + MARGIN_S
    assert not one.stale(0.0)
    ask(one, [0, 1])
    assert one.due(0.0) == []
    assert one.stale(0.0), "and the numbers are wanted"
    assert one.needs_refresh(0.0)
    one.refresh(total=5, remaining=5, reset_at=DAY_S, spent=0, max_concurrency=1, asked_at=0.0)
    assert one.available == 5, "of which none is kept"


def test_what_was_sent_lately_discord_may_not_have_counted() -> None:
    """An identify that was sent half a second before the numbers were asked for has arrived."""
    for sent_at, left in ((9.4, 10), (9.5, 9), (10.0, 9)):
        one = limiter(total=1000, remaining=10)
        ask(one, [0])
        (grant,) = one.due(9.0)
        one.sent(0, grant.grant_id, sent_at)
        one.refresh(total=1000, remaining=10, reset_at=DAY_S, spent=1, max_concurrency=1,
                    asked_at=10.0)  # fmt: skip
        assert one.remaining == left


def test_a_grant_stays_its_owner_s_while_it_is_waited_for() -> None:
    one = limiter()
    ask(one, [0, 1])
    (grant,) = one.due(10.0)
    for now in (10.0, 20.0, 10.0 + GRANT_TIMEOUT_S - 0.01):
        assert one.due(now) == []
        assert one.request(0, 0) == grant
    assert one.due(10.0 + GRANT_TIMEOUT_S) == []
    assert one.request(0, 0) is None, "it is lost"


def test_the_same_shard_waits_for_whoever_asks() -> None:
    one = limiter()
    one.request(3, Outsider("", "t"))
    one.request(3, 0)
    assert waiting(one, 0.0) == [3, 3]


def test_one_identify_is_told_as_one() -> None:
    one = limiter(remaining=0)
    with pytest.raises(BudgetError, match=r"^1 identify is needed and 0 of 1000 are left"):
        one.require(1, 0.0)
