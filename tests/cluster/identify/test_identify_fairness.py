"""The limiter with several askers: nobody starves, nothing is overspent, Discord never says no."""

from __future__ import annotations

import itertools
from collections import defaultdict

from hypothesis import given, settings
from hypothesis import strategies as st

from cluster.discord.limits import IDENTIFY_WINDOW_S
from cluster.identify.bucket import Claim, Grant, Outsider, Owner
from cluster.identify.limiter import FRESH_S, LATEST_ARRIVAL_S, IdentifyLimiter
from tests.progress import progress

MARGIN_S = 0.25
INTERVAL_S = IDENTIFY_WINDOW_S + MARGIN_S
FAR = 9e9
OWNERS: tuple[Owner, ...] = (
    0,
    1,
    Outsider("west", "1"),
    Outsider("west", "2"),
    Outsider("program", "3"),
)

CLAIMS = st.sets(
    st.builds(Claim, st.integers(0, 11), st.sampled_from(OWNERS)), min_size=1, max_size=20
)


def limiter(*, total: int = 100_000, concurrency: int = 1) -> IdentifyLimiter:
    made = IdentifyLimiter(margin_s=MARGIN_S)
    made.refresh(
        total=total,
        remaining=total,
        reset_at=FAR,
        spent=0,
        max_concurrency=concurrency,
        asked_at=0.0,
    )
    return made


@settings(deadline=None)
@given(claims=CLAIMS, concurrency=st.integers(1, 4))
def test_everybody_gets_a_turn_though_all_ask_again_for_ever(
    claims: set[Claim], concurrency: int
) -> None:
    """However often others fail and ask again, a claim waits for two rounds of its bucket at most,
    and one who asks for a shard under two tickets has one place in a round."""
    one = limiter(concurrency=concurrency)
    for claim in claims:
        one.request(*claim)
    since: dict[Claim, int] = dict.fromkeys(claims, 0)
    turns: dict[int, int] = defaultdict(int)
    now = 0.0
    for _ in range(60):
        next_s = one.next_at(now)
        assert next_s is not None
        now = next_s
        for grant in one.due(now):
            bucket = grant.shard_id % concurrency
            turns[bucket] += 1
            since[grant.claim] = turns[bucket]
            one.sent(grant.shard_id, grant.grant_id, now)
            one.request(*grant.claim)
        for claim in claims:
            own = [c for c in claims if c.shard_id % concurrency == claim.shard_id % concurrency]
            tickets = sum(c.seat == claim.seat for c in own)
            waited = turns[claim.shard_id % concurrency] - since[claim]
            assert waited <= 2 * len({c.seat for c in own}) * tickets


@settings(max_examples=300, deadline=None)
@given(
    steps=st.lists(
        st.one_of(
            st.tuples(st.just("ask"), st.integers(0, 11), st.sampled_from(OWNERS)),
            st.tuples(st.just("send"), st.integers(0, 20), st.floats(0, LATEST_ARRIVAL_S)),
            st.tuples(st.just("return"), st.integers(0, 20), st.just(0.0)),
            st.tuples(st.just("others"), st.integers(1, 4), st.just(0.0)),
            st.tuples(st.just("wait"), st.integers(0, 1200), st.just(0.0)),
        ),
        max_size=80,
    ),
    budget=st.integers(0, 12),
    concurrency=st.integers(1, 3),
)
def test_with_fresh_numbers_the_bot_never_spends_more_than_discord_allows(
    steps: list[tuple[str, int, float | Owner]], budget: int, concurrency: int
) -> None:
    """Others spend for the same account; the numbers are fetched then, and Discord counts an
    identify when it arrives, which is later than it was sent."""
    one = limiter(total=budget, concurrency=concurrency)
    arrivals: list[float] = []
    held: list[Grant] = []
    others = granted = returned = 0
    now = 0.0
    for step, value, more in steps:
        if step == "ask":
            assert not isinstance(more, float)
            one.request(value, more)
        elif step == "send" and held:
            grant = held.pop(value % len(held))
            one.sent(grant.shard_id, grant.grant_id, now)
            assert isinstance(more, float)
            arrivals.append(now + more)
        elif step == "return" and held:
            grant = held.pop(value % len(held))
            returned += one.unused(grant.shard_id, grant.grant_id)
        elif step == "others":
            free = budget - others - len(arrivals) - len(held)
            others += min(value, free)
            one.refresh(
                total=budget,
                remaining=budget - others - sum(arrival <= now for arrival in arrivals),
                reset_at=FAR,
                spent=granted - returned,
                max_concurrency=concurrency,
                asked_at=now,
            )
        elif step == "wait":
            now += value / 100
            held = [grant for grant in held if now < grant.granted_at + 25.0]
        grants = one.due(now)
        granted += len(grants)
        held += grants
        assert len(arrivals) + len(held) + others <= budget


@settings(max_examples=200, deadline=None)
@given(
    claims=CLAIMS,
    concurrency=st.integers(1, 4),
    hops=st.lists(st.tuples(st.floats(0, LATEST_ARRIVAL_S), st.floats(0, 2)), min_size=60),
)
def test_no_bucket_sees_two_identifies_within_its_window(
    claims: set[Claim], concurrency: int, hops: list[tuple[float, float]]
) -> None:
    """Whoever sends them; each is sent when it is granted, arrives a little later, and is said to
    be accepted then or some time after."""
    progress()
    one = limiter(concurrency=concurrency)
    for claim in claims:
        one.request(*claim)
    arrivals: dict[int, list[float]] = defaultdict(list)
    accepted: list[tuple[float, Grant]] = []
    now, hop = 0.0, iter(hops)
    while (next_s := one.next_at(now)) is not None:
        if accepted and accepted[0][0] <= next_s:
            now, grant = accepted.pop(0)
            one.accepted(grant.shard_id, grant.grant_id, now)
            continue
        now = next_s
        for grant in one.due(now):
            way, answer = next(hop, (0.0, 0.0))
            one.sent(grant.shard_id, grant.grant_id, now)
            arrivals[grant.shard_id % concurrency].append(now + way)
            accepted.append((now + way + answer, grant))
            accepted.sort(key=lambda word: word[0])
    assert sum(len(bucket) for bucket in arrivals.values()) == len(claims)
    for bucket in arrivals.values():
        assert all(b - a >= IDENTIFY_WINDOW_S - 1e-6 for a, b in itertools.pairwise(bucket))


def test_old_numbers_are_good_enough_until_newer_ones_came() -> None:
    one = limiter()
    assert not one.stale(FRESH_S + 1), "nobody waits"
    one.request(0, 0)
    assert not one.stale(FRESH_S - 1)
    assert one.stale(FRESH_S)
    assert [grant.shard_id for grant in one.due(FRESH_S)] == [0]


def test_a_large_concurrency_costs_nothing() -> None:
    one = limiter(concurrency=1)
    one.close_bucket(0, 7.0)
    one.refresh(total=10, remaining=10, reset_at=FAR, spent=0, max_concurrency=10**12, asked_at=0.0)
    one.request(999_999, 0)
    assert one.next_at(0.0) == 7.0, "all are closed until the old bucket would have opened"
