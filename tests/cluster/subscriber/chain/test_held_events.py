"""What a chain holds: how far each name is whole, and what it takes of memory."""

from __future__ import annotations

from cluster.subscriber.chain.held_events import HeldEvents, batch_bytes
from tests.cluster.subscriber.chain.test_asking import drained, drained_at


def test_what_is_held_is_counted_until_it_is_given_out() -> None:
    held = HeldEvents(None, -1)
    first, second = drained("A", 3)[0], drained_at(5, 2, name="B")
    held.take(*first)
    held.take(*second)
    both = batch_bytes(first[1]) + batch_bytes(second[1])
    assert held.bytes == both
    delivered = held.release(9)
    assert [event.seq for event in delivered.events] == [0, 1, 2, 5, 6]
    assert delivered.bytes == both
    assert (held.bytes, held.holes) == (0, False)


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
