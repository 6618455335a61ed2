"""What lives in a host's slots, and what a report tells of it: no processes, no clock."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from cluster.wire.hosts import ENDED_S, EndedWorker, HeldSlot
from host_agent.slots import MOST_WORDS, HostSlots


def test_a_start_is_done_once_however_often_it_is_said() -> None:
    slots = HostSlots()
    assert slots.begin(3, 7, 0.0)
    assert not slots.begin(3, 7, 0.1)
    slots.started(3, 100)
    assert not slots.begin(3, 7, 0.2)
    assert list(slots.held.values()) == [HeldSlot(slot=3, pid=100, start=7)]
    assert slots.lately_ended(0.2) == []
    slots.ended(3, 0, "done", 1.0)
    assert slots.is_empty
    assert not slots.begin(3, 7, 1.1)


def test_what_has_ended_is_told_for_a_while_and_again_when_it_is_asked_for() -> None:
    slots = HostSlots()
    slots.begin(3, 7, 0.0)
    slots.started(3, 100)
    slots.ended(3, -9, "words", 1.0)
    ended = [EndedWorker(slot=3, pid=100, start=7, code=-9, words="words")]
    assert slots.lately_ended(1.0 + ENDED_S - 0.1) == ended
    assert slots.lately_ended(1.0 + ENDED_S) == []
    assert not slots.begin(3, 7, 50.0)
    assert slots.lately_ended(50.0) == ended
    assert slots.begin(3, 8, 51.0)


def test_a_slot_that_is_taken() -> None:
    slots = HostSlots()
    slots.found(1, 55)
    assert not slots.begin(1, 7, 0.0)
    assert not slots.begin(1, 7, 0.1)
    (told,) = slots.lately_ended(0.2)
    assert (told.pid, told.start) == (None, 7)
    assert "pid 55 lives in this slot" in told.words
    assert slots.begin(2, 8, 0.3)
    assert not slots.begin(2, 9, 0.4)
    assert [one.start for one in slots.lately_ended(0.5)] == [7, 9]
    slots.ended(1, None, "", 1.0)
    assert not slots.begin(1, 7, 1.1), "it was told of that number that it failed"
    assert slots.begin(1, 10, 1.2)


def test_nothing_is_started_on_a_host_that_leaves() -> None:
    slots = HostSlots()
    slots.leaving = True
    assert not slots.begin(1, 7, 0.0)
    assert "leaving" in slots.lately_ended(0.0)[0].words
    assert slots.is_empty


def test_a_process_that_could_not_be_started_frees_its_slot() -> None:
    slots = HostSlots()
    slots.begin(1, 7, 0.0)
    assert not slots.is_free(1)
    slots.not_started(1, 7, "x" * 9999, 0.1)
    assert slots.is_free(1)
    assert len(slots.lately_ended(0.1)[0].words) == MOST_WORDS
    assert slots.begin(1, 8, 0.2)


@given(
    st.lists(
        st.tuples(st.sampled_from(["start", "again", "end", "fail"]), st.integers(0, 2)),
        max_size=60,
    )
)
def test_no_number_is_begun_twice_and_each_slot_has_one_process(
    steps: list[tuple[str, int]],
) -> None:
    slots, begun, number = HostSlots(), Counter[int](), 0
    last = dict[int, int]()
    for now, (what, slot) in enumerate(steps):
        if what == "start" or slot not in last:
            number += 1
            last[slot] = number
        if what == "end" and slot in slots.held:
            slots.ended(slot, 0, "", now)
        elif slots.begin(slot, last[slot], now):
            begun[last[slot]] += 1
            if what == "fail":
                slots.not_started(slot, last[slot], "no", now)
            else:
                slots.started(slot, 100 + now)
        told = {one.start for one in slots.held.values()}
        told |= {one.start for one in slots.lately_ended(now)}
        if what != "end":
            assert last[slot] in told, "a report names each start that was said"
    assert all(count == 1 for count in begun.values())
