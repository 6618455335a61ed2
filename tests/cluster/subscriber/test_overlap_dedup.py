"""Sessions of two shard counts with the same events: each is delivered once."""

from __future__ import annotations

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from cluster.subscriber import overlap_dedup
from cluster.subscriber.chain import Event
from cluster.subscriber.overlap_dedup import OverlapDedup
from cluster.subscriber.reshards import Reshards

S = 1_000_000_000
OLD, NEW = 4, 8
OVERLAP_S = 10
WINDOW = OVERLAP_S * S // overlap_dedup.PARTS
MAX_LAG_S = WINDOW / S * 0.99
"""Float and integer seconds round differently."""


def event(count: int, data: str, at_ns: int, name: str = "A") -> Event:
    return Event.make(name, 0, count, 1, 0, data.encode(), at_ns, "store")


def test_what_both_deliver_comes_once_and_what_happened_twice_twice() -> None:
    both = OverlapDedup(OLD, NEW, WINDOW)
    assert both.takes(event(OLD, "x", 0))
    assert both.takes(event(OLD, "x", S))
    assert not both.takes(event(NEW, "x", 2 * S))
    assert not both.takes(event(NEW, "x", 2 * S))
    assert both.takes(event(NEW, "x", 3 * S)), "a third time"
    assert not both.takes(event(OLD, "x", 3 * S)), "whichever comes first"
    assert both.left_out == 3


def test_the_same_data_of_another_name_or_count_is_another_event() -> None:
    both = OverlapDedup(OLD, NEW, WINDOW)
    assert both.takes(event(OLD, "x", 0))
    assert both.takes(event(NEW, "x", 0, "B"))
    assert both.takes(event(16, "x", 0)), "of neither count"
    assert both.left_out == 0


def test_beyond_the_window_it_is_another_event() -> None:
    both = OverlapDedup(OLD, NEW, WINDOW)
    assert both.takes(event(OLD, "x", 0))
    assert both.takes(event(NEW, "x", WINDOW + 1))
    assert not both.takes(event(OLD, "x", WINDOW + 2)), "the later one still waits for its like"


def test_when_the_old_one_has_ended_nothing_is_compared() -> None:
    both = OverlapDedup(OLD, NEW, WINDOW)
    assert both.takes(event(OLD, "x", 10 * S))
    both.ended(10 * S)
    assert not both.over(10 * S + WINDOW)
    assert both.over(10 * S + WINDOW + 1)
    assert both.takes(event(NEW, "x", 10 * S + WINDOW + 1))


def test_what_waits_is_bounded() -> None:
    both = OverlapDedup(OLD, NEW, WINDOW)
    for number in range(overlap_dedup.MAX_WAITING + 10):
        assert both.takes(event(OLD, f"{number}", 0))
    assert both.forgotten == 10
    assert both.takes(event(NEW, "3", 0)), "forgotten: it comes twice, and is not lost"
    assert not both.takes(event(NEW, "1000", 0))


def test_live_what_is_old_is_forgotten_in_time() -> None:
    both = OverlapDedup(OLD, NEW, WINDOW)
    for second in range(100):
        both.takes(event(OLD, f"{second}", second * S))
        both.forget_old(second * S)
    assert len(both._waiting) <= 2 * OVERLAP_S + 1
    assert not both.takes(event(NEW, "99", 99 * S))


@st.composite
def worlds(draw: st.DrawFn) -> list[tuple[float, str]]:
    """(seconds, content) of what happened. The same content comes again at once, or when the window
    is past."""
    world = []
    for text in "abcdefgh"[: draw(st.integers(1, 8))]:
        time_s = draw(st.floats(0, 20))
        while time_s < 60:
            world += [(time_s, text)] * draw(st.integers(1, 3))
            time_s += draw(st.floats(WINDOW / S + MAX_LAG_S, 30))
    return sorted(world)


@settings(max_examples=300)
@given(
    world=worlds(),
    lags=st.tuples(st.floats(0, MAX_LAG_S), st.floats(0, MAX_LAG_S)),
    replayed=st.booleans(),
)
def test_every_event_of_the_world_once(
    world: list[tuple[float, str]],
    lags: tuple[float, float],
    replayed: bool,
) -> None:
    """The old shard count until 30 s + overlap, the new one from 30 s on, each with a lag of its
    own; live, or replayed one after the other."""
    began, ended = 30.0, 30.0 + OVERLAP_S
    old = [(seconds + lags[0], text) for seconds, text in world if seconds + lags[0] <= ended]
    new = [(seconds + lags[1], text) for seconds, text in world if seconds + lags[1] >= began]
    stream = [(seconds, OLD, text) for seconds, text in old] + [
        (seconds, NEW, text) for seconds, text in new
    ]
    if not replayed:
        stream.sort()
    both = OverlapDedup(OLD, NEW, WINDOW)
    delivered: Counter[str] = Counter()
    for seconds, count, text in stream:
        if both.takes(event(count, text, int(seconds * S))):
            delivered[text] += 1
    assert delivered == Counter(text for _, text in world)


def test_what_one_resharding_leaves_out_no_other_takes_for_delivered() -> None:
    """The one before may still be known while the next one begins: the same counts, the other way
    round. Of what happened twice, two come."""
    known = Reshards()
    known.overlaps.append(OverlapDedup(NEW, OLD, WINDOW))
    assert known.takes(event(NEW, "x", 0))
    known.overlaps.append(OverlapDedup(OLD, NEW, WINDOW))
    assert not known.takes(event(OLD, "x", 1))
    assert known.takes(event(NEW, "x", 2)), "the second time"
    assert not known.takes(event(OLD, "x", 3))


def test_what_is_remembered_is_bounded_also_when_all_is_matched() -> None:
    both = OverlapDedup(OLD, NEW, WINDOW)
    for number in range(overlap_dedup.MAX_WAITING):
        both.takes(event(OLD, f"{number}", number))
        both.takes(event(NEW, f"{number}", number))
    assert both.left_out == overlap_dedup.MAX_WAITING
    assert len(both._order) <= overlap_dedup.MAX_WAITING
