"""What a chain holds: how far each name is whole, and what it takes of memory."""

from __future__ import annotations

from cluster.subscriber.chain.held_events import HeldEvents, batch_bytes
from cluster.subscriber.chain.types import EVENT_BYTES
from cluster.wire.batch import Source
from tests.cluster.subscriber.chain.test_asking import drained, drained_at


def test_what_is_held_is_counted_until_it_is_given_out() -> None:
    held = HeldEvents(None, -1)
    first, second = drained("A", 3)[0], drained_at(5, 2, name="B")
    held.take(*first)
    held.take(*second)
    both = batch_bytes(first[1]) + batch_bytes(second[1])
    assert held.bytes == both
    some = held.release(1)
    assert [event.seq for event in some.events] == [0, 1]
    assert some.bytes == 2 * (EVENT_BYTES + len(b"{}"))
    assert held.bytes == both - some.bytes
    delivered = held.release(9)
    assert [event.seq for event in delivered.events] == [2, 5, 6]
    assert delivered.bytes == both - some.bytes
    assert (held.bytes, held.holes) == (0, False)


def test_what_a_mark_names_is_held_if_it_is_subscribed_to() -> None:
    held = HeldEvents(frozenset("A"), 4)
    assert held.has([("A", 4), ("B", 9)])
    assert not held.has([("A", 5)])
    held.take(*drained("A", 8)[0])
    assert held.has([("A", 7)])
    assert not held.has([("B", 9), ("A", 8)])


def test_of_a_batch_the_events_above_the_floor_are_held_with_their_source() -> None:
    name, batch = drained("A", 5, epoch=3)[0]
    held = HeldEvents(None, 2)
    held.take(name, batch)
    assert held.bytes == 2 * (EVENT_BYTES + len(b"{}"))
    source = Source("A", 0, 1, 3, 1, "0" * 16)
    assert [(event.seq, event.source) for event in held.release(9).events] == [
        (3, source), (4, source)
    ]  # fmt: skip


def test_a_batch_joins_on_where_the_one_before_ended() -> None:
    held = HeldEvents(None, -1)
    name, batch = drained_at(5, 2)
    held.take(name, batch)
    assert held.reach(name) == -1, "what lies before is not there"
    held.take(*drained(name, 5)[0])
    assert held.reach(name) == 6
    name, batch = drained("B", 3)[0]
    held.take(name, batch)
    assert held.reach(name) == 2
