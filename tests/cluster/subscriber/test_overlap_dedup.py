"""Sessions of two shard counts with the same events: each is delivered once, by their order."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cluster.subscriber import overlap_dedup
from cluster.subscriber.chain import Event
from cluster.subscriber.overlap_dedup import LONGEST_LAG_NS, OverlapDedup
from cluster.wire.shard_state import LOOK_BACK_NS

S = 1_000_000_000
OLD, NEW = 2, 3
OVERLAP_S = 10
LAG_S = LONGEST_LAG_NS / S + 2 * OVERLAP_S


def event(count: int, text: str, at_s: float = 0.0, guild: int = 0, name: str = "A") -> Event:
    data = json.dumps({"guild_id": str(guild), "text": text}).encode()
    return Event.make(name, guild % count, count, 1, 0, data, int(at_s * S), "store")


def texts(events: Iterable[Event]) -> list[str]:
    return [event.json()["text"] for event in events]


def dedup(*old: Event) -> OverlapDedup:
    both = OverlapDedup(OLD, NEW, OVERLAP_S * S)
    for item in old:
        both.remember([item])
    both.complete()
    return both


def fresh(old: str, new: str, lag_s: float = 0.0) -> str:
    """Return what is given out of the new count's events, one a second, each a letter."""
    both = dedup(*(event(OLD, text, at_s) for at_s, text in enumerate(old)))
    return "".join(
        text
        for at_s, letter in enumerate(new, len(old))
        for text in texts(both.fresh([event(NEW, letter, at_s + lag_s)]))
    )


@pytest.mark.parametrize(
    ("old", "new", "given_out"),
    [
        ("abcd", "cdef", "ef"),
        ("abcd", "", ""),
        ("", "ab", "ab"),
        ("abcd", "efgh", "efgh"),
        ("xaxb", "axbx", "x"),  # an x from before the new count, and one after the old
        ("axbx", "axbxx", "x"),
        ("axxb", "axxbxx", "xx"),
        ("abcd", "abd", ""),  # the new one has missed c
        ("abd", "abcd", "c"),  # the old one has
        ("axbxc", "bxcxd", "xd"),
    ],
)
@pytest.mark.parametrize("lag_s", [0.0, 1.0, 7 * OVERLAP_S - 5])
def test_order_says_which_is_which(old: str, new: str, given_out: str, lag_s: float) -> None:
    assert fresh(old, new, lag_s) == given_out


def test_an_anchor_that_comes_later_tells_what_was_before_it() -> None:
    """The new count's first events are the last two of three that look alike."""
    both = dedup(*(event(OLD, text, at_s) for at_s, text in enumerate("axxxbc")))
    new = [event(NEW, text, 60.0) for text in "xxbcxd"]
    assert texts(both.fresh(new)) == ["x", "d"]


@pytest.mark.parametrize(
    ("old", "runs", "given_out"),
    [
        ("xx", ["nx"], "nx"),  # n is of after the old count's end, and so is x
        ("xx", ["n", "x"], "nx"),
        ("axb", ["xxb"], "x"),
        ("xaxb", ["axxb"], "x"),
        ("xyaxyb", ["x", "ya"], ""),  # the first x is taken for the second one, until a comes
        ("axbxc", ["ax", "xb"], "x"),  # one that the old session has missed
        ("axbx", ["a", "a", "x"], "a"),
    ],
)
def test_what_a_run_brings_is_looked_at_together(old: str, runs: list[str], given_out: str) -> None:
    both = dedup(*(event(OLD, text, at_s) for at_s, text in enumerate(old)))
    came = [both.fresh([event(NEW, text, 60.0) for text in run]) for run in runs]
    assert "".join(texts(itertools.chain(*came))) == given_out


def test_without_any_anchor_the_nearest_in_time_counts_as_the_same() -> None:
    both = dedup(event(OLD, "x", 0.0), event(OLD, "x", 30.0))
    assert texts(both.fresh([event(NEW, "x", 31.0)])) == []
    assert texts(both.fresh([event(NEW, "x", 32.0)])) == ["x"], "the first one was long before"


def test_without_an_anchor_in_its_guild_the_nearest_to_those_of_others_counts_as_the_same() -> None:
    old = [event(OLD, "x", 12.0, guild=6), event(OLD, "a", 19.0, guild=12)]
    both = dedup(*old, event(OLD, "x", 20.0, guild=6))
    assert both.fresh([event(NEW, "a", 60.0, guild=12), event(NEW, "x", 60.0, guild=6)]) == []
    assert texts(both.fresh([event(NEW, "x", 61.0, guild=6)])) == ["x"]


def test_guilds_of_another_old_shard_tell_how_far_it_is_within_two_overlaps() -> None:
    old = [event(OLD, "x", 15.0, guild=6), event(OLD, "y", 25.0, guild=12)]
    both = dedup(*old, event(OLD, "b", 32.0, guild=15), event(OLD, "a", 40.0, guild=9))
    assert both.fresh([event(NEW, "a", 41.0, guild=9), event(NEW, "b", 41.0, guild=15)]) == []
    new = [event(NEW, "x", 42.0, guild=6), event(NEW, "y", 42.0, guild=12)]
    assert texts(both.fresh(new)) == ["x"]


def test_how_far_it_is_does_not_go_back() -> None:
    old = [event(OLD, "x", 5.0, guild=18), event(OLD, "a", 11.0, guild=6)]
    both = dedup(*old, event(OLD, "b", 20.0, guild=12))
    assert both.fresh([event(NEW, "b", 60.0, guild=12), event(NEW, "a", 60.0, guild=6)]) == []
    assert texts(both.fresh([event(NEW, "x", 61.0, guild=18)])) == ["x"]


def test_the_same_data_of_another_name_is_another_event() -> None:
    both = dedup(event(OLD, "x"))
    other = event(NEW, "x", name="B")
    assert both.fresh([other]) == [other]
    assert both.left_out == 0


def test_other_guilds_tell_how_far_it_is_where_a_guild_itself_does_not() -> None:
    """Guild 6's presence went to x long before, and does so again when the old count has ended; a
    guild of the same two shards shows that the new one is beyond."""
    old = [event(OLD, "x", 0.0, guild=6), event(OLD, "a", 20.0, guild=12)]
    both = dedup(*old, event(OLD, "b", 21.0, guild=12))
    assert both.fresh([event(NEW, "a", 40.0, guild=12)]) == []
    again = event(NEW, "x", 41.0, guild=6)
    assert both.fresh([again]) == [again]


def test_two_guilds_may_come_in_another_order() -> None:
    old = [event(OLD, "a", 0.0, guild=6), event(OLD, "b", OVERLAP_S - 1, guild=12)]
    both = dedup(*old)
    new = [event(NEW, "b", 30.0, guild=12), event(NEW, "a", 30.0, guild=6)]
    assert both.fresh(new) == []


def test_what_one_session_gets_by_itself_says_nothing_of_the_other() -> None:
    both = dedup(*(event(OLD, text) for text in "axbx"))
    new = [event(NEW, "a"), event(NEW, "members", name="GUILD_MEMBERS_CHUNK"), event(NEW, "x")]
    assert texts(both.fresh(new)) == ["members"]
    assert texts(both.fresh(new[1:2])) == ["members"]
    assert both.fresh(new[2:]) == []


@pytest.mark.parametrize("run", [True, False])
@pytest.mark.parametrize("second_s", [2.0, 4.5 * OVERLAP_S])
def test_a_guild_may_lag_far_behind_the_others_when_its_own_order_says_where_it_is(
    second_s: float, run: bool
) -> None:
    times = (0.0, 1.0, second_s, second_s + 1.0)
    old = [event(OLD, text, at_s, guild=6) for text, at_s in zip("axcx", times, strict=True)]
    both = dedup(*old, event(OLD, "b", 5.0 * OVERLAP_S, guild=12))
    assert both.fresh([event(NEW, "a", 60.0, guild=6), event(NEW, "b", 60.0, guild=12)]) == []
    rest = [event(NEW, text, 90.0, guild=6) for text in "xcxx"]
    runs = [rest] if run else [[late] for late in rest]
    assert texts(itertools.chain(*map(both.fresh, runs))) == ["x"]


@pytest.mark.parametrize("data", [b"[", b"[1]", b'{"guild_id":[]}', b"\xff"])
def test_data_without_a_guild_is_compared_all_the_same(data: bytes) -> None:
    old = Event.make("A", 0, OLD, 1, 0, data, 0, "store")
    both = dedup(old)
    assert both.fresh([Event.make("A", 0, NEW, 1, 0, data, S, "store")]) == []


def test_what_is_older_than_any_session_lags_is_not_compared() -> None:
    both = dedup(event(OLD, "x", 0.0))
    late = event(NEW, "x", LAG_S + 1)
    assert both.fresh([late]) == [late]


def test_what_is_remembered_is_bounded_in_time_and_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overlap_dedup, "MAX_KEPT", 100)
    both = OverlapDedup(OLD, NEW, OVERLAP_S * S)
    both.remember([event(OLD, "first", 0.0)])
    for number in range(110):
        both.remember([event(OLD, f"{number}", LAG_S + LOOK_BACK_NS / S + 1)])
    assert both.forgotten == 10
    both.complete()
    both.remember([event(OLD, "late", LAG_S + 1)])
    given_out = both.fresh([event(NEW, text, LAG_S + 2) for text in ("3", "late", "50", "109")])
    assert texts(given_out) == ["3", "late"], "it comes twice, and is not lost"
    assert both.left_out == 2


def test_once_it_is_known_when_the_new_count_came_into_force_nothing_after_is_forgotten() -> None:
    both = OverlapDedup(OLD, NEW, OVERLAP_S * S)
    both.since_ns = int(LAG_S * S) + LOOK_BACK_NS
    both.remember([event(OLD, "a", 1.0)])
    both.remember([event(OLD, "b", 600.0)])
    both.complete()
    assert both.fresh([event(NEW, "a", 80.0), event(NEW, "b", 601.0)]) == []


# -- any world -----------------------------------------------------------------------------------

BEGUN, IN_FORCE, ENDED = 5.0, 60.0, 60.0 + OVERLAP_S
PUBLIC = IN_FORCE - LOOK_BACK_NS / S
"""When the new count's sessions begin, when they come into force, when the old ones end, and from
when on the new ones' events count: s."""
GUILDS = (6, 7, 8, 12)
"""Guilds 6 and 12 share both shards."""


class Happened(NamedTuple):
    at_s: float
    guild: int
    text: str
    number: int


class Received(NamedTuple):
    at_s: float
    happened: Happened


def world_of(again: list[tuple[int, int, str]]) -> list[Happened]:
    """Return what happened until 90 s: in each guild something that comes once every two seconds,
    and what is ``again`` the same between. again: (number of two seconds, guild, text)."""
    once = [(2.0 * n, guild, f"{guild} {n}") for n in range(45) for guild in GUILDS]
    same = [(2.0 * n + 1.0, guild, text) for n, guild, text in again]
    return [Happened(*what, number) for number, what in enumerate(sorted(once + same))]


def session(world: list[Happened], count: int, shard: int, lags: list[float]) -> list[Received]:
    """Return what a session receives. lags: of the session at first and at last, and of each guild
    in it: seconds."""
    first_s, last_s, *guilds = lags
    sent = sorted(
        (happened.at_s + guilds[happened.guild % len(guilds)], happened)
        for happened in world
        if happened.guild % count == shard
    )
    received, now_s = [], 0.0
    for at_s, happened in sent:
        now_s = max(now_s, at_s + first_s + (last_s - first_s) * min(1.0, at_s / 60))
        received.append(Received(now_s, happened))
    return received


def lags(most_s: float) -> st.SearchStrategy[list[float]]:
    return st.tuples(
        st.floats(0, most_s), st.floats(0, most_s), *[st.floats(0, OVERLAP_S / 4)] * 3
    ).map(list)


def came_and_due(
    world: list[Happened], old_lags: list[list[float]], new_lags: list[list[float]],
    sizes: list[int],
) -> tuple[Counter[tuple[int, str]], Counter[tuple[int, str]]]:  # fmt: skip
    """Return what was given out and what any session received in time: (guild, text). sizes: of
    the runs in which the new count's events come."""
    due: dict[int, tuple[int, str]] = {}
    old = [
        received
        for shard in range(OLD)
        for received in session(world, OLD, shard, old_lags[shard])
        if received.at_s <= ENDED
    ]
    both = OverlapDedup(OLD, NEW, OVERLAP_S * S)
    for at_s, happened in sorted(old):
        due[happened.number] = happened.guild, happened.text
        both.remember([event(OLD, happened.text, at_s, happened.guild)])
    both.complete()
    came = Counter(due.values())
    runs = itertools.cycle(sizes)
    for shard in range(NEW):
        new = [
            received
            for received in session(world, NEW, shard, new_lags[shard])
            if received.at_s >= PUBLIC and received.happened.at_s >= BEGUN
        ]
        due |= {h.number: (h.guild, h.text) for _, h in new}
        while new:
            size = next(runs)
            run, new = new[:size], new[size:]
            for given_out in both.fresh([event(NEW, h.text, t, h.guild) for t, h in run]):
                found = given_out.json()
                came[int(found["guild_id"]), found["text"]] += 1
    return came, Counter(due.values())


AGAIN = st.lists(
    st.tuples(st.integers(0, 44), st.sampled_from(GUILDS), st.sampled_from("xy")),
    max_size=60,
    unique_by=lambda what: what[:2],
)
SIZES = st.lists(st.integers(1, 40), min_size=1, max_size=5)


@settings(max_examples=60)
@given(
    again=AGAIN,
    old_lags=st.lists(lags(3.7 * OVERLAP_S), min_size=OLD, max_size=OLD),
    new_lags=st.lists(lags(5 * OVERLAP_S), min_size=NEW, max_size=NEW),
    sizes=SIZES,
)
def test_what_repeats_comes_as_often_as_it_happened_whatever_the_sessions_lag(
    again: list[tuple[int, int, str]], old_lags: list[list[float]], new_lags: list[list[float]],
    sizes: list[int],
) -> None:  # fmt: skip
    """Each session has a lag of its own, that grows or shrinks, mostly beyond the overlap; so has
    each guild in it, less than the overlap. What the old sessions had not received when they ended
    is not lost, since the new ones' events count from before their count came into force."""
    world = world_of(again)
    came, due = came_and_due(world, old_lags, new_lags, sizes)
    assert came == due == Counter((happened.guild, happened.text) for happened in world)


@settings(max_examples=30)
@given(
    old_lags=st.lists(lags(6 * OVERLAP_S), min_size=OLD, max_size=OLD),
    new_lags=st.lists(lags(5 * OVERLAP_S), min_size=NEW, max_size=NEW),
    sizes=SIZES,
)
def test_what_any_session_had_in_time_comes_once_whatever_both_lag(
    old_lags: list[list[float]], new_lags: list[list[float]], sizes: list[int]
) -> None:
    """Also where the old sessions lag so much that what happened last before they ended is in none
    of the events that count."""
    came, due = came_and_due(world_of([]), old_lags, new_lags, sizes)
    assert came == due
