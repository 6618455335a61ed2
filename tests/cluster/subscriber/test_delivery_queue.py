"""What waits for the consumer, and the position that each item leaves behind."""

from __future__ import annotations

from cluster.subscriber.chain import Delivered, Event, Missing, Output, Reached, measured
from cluster.subscriber.delivery_queue import DeliveryQueue
from cluster.subscriber.event_filter import EventFilter
from cluster.subscriber.guild_filter import GuildFilter
from cluster.subscriber.items import Gap
from cluster.subscriber.reshards import Reshards
from cluster.wire.position import ShardKey
from cluster.wire.states import GapReason

KEY = ShardKey(2, 1)


def run(*seqs: int, guild: int = 5, epoch: int = 1) -> Delivered:
    data = b'{"guild_id":"%d"}' % guild
    return measured([Event.make("A", 1, 2, epoch, seq, data, 0, "0" * 16) for seq in seqs])


def places(queue: DeliveryQueue) -> list[tuple[int | str, tuple[int, int] | None]]:
    """Each item, by its seq, and the position after it was handled."""
    found: list[tuple[int | str, tuple[int, int] | None]] = []
    while (item := queue.next()) is not None:
        if found:
            found[-1] = found[-1][0], queue.positions().get(KEY)
        found.append((item.seq if isinstance(item, Event) else "gap", None))
    if found:
        found[-1] = found[-1][0], queue.positions().get(KEY)
    return found


def queued(*outputs: Output, guilds: GuildFilter | None = None) -> DeliveryQueue:
    queue = DeliveryQueue(EventFilter(Reshards(), guilds))
    queue.put(KEY, outputs)
    return queue


def test_a_run_that_ends_where_its_shard_is_needs_no_marker() -> None:
    queue = queued(run(3, 4), Reached(1, 4))
    assert len(queue._items) == 1
    assert places(queue) == [(3, (1, 3)), (4, (1, 4))]
    assert (queue.bytes, queue.events, queue.events_left) == (0, 2, 0)


def test_where_the_shard_is_further_than_its_last_event_the_position_is_too() -> None:
    assert places(queued(run(3, 4), Reached(1, 9))) == [(3, (1, 3)), (4, (1, 9))]


def test_a_marker_of_the_next_epoch_is_one_whatever_its_seq() -> None:
    assert places(queued(run(4), Reached(1, 4), Reached(2, 4))) == [(4, (2, 4))]
    gap = Missing(1, None, 5, None, GapReason.SESSION_LOST)
    assert places(queued(run(4), gap, Reached(2, 4))) == [(4, (1, 4)), ("gap", (2, 4))]


def test_what_is_left_out_moves_the_position_as_well() -> None:
    outputs: list[Output] = [run(3), Reached(1, 3), run(4, guild=6), Reached(1, 4)]
    assert places(queued(*outputs, guilds=GuildFilter([5]))) == [(3, (1, 4))]
    queue = queued(run(4, guild=6), Reached(1, 4), guilds=GuildFilter([5]))
    assert places(queue) == []
    assert queue.positions() == {KEY: (1, 4)}


def test_gaps_stand_in_their_place_and_are_counted() -> None:
    gap = Missing(1, ("A",), 5, 7, GapReason.GONE)
    queue = queued(run(4), gap, run(8), Reached(1, 8))
    queue.put_item(Gap(-1, 0, 0, None, 0, None, GapReason.NO_REPLAY))
    assert queue.gaps == {"gone": 1, "no_replay": 1}
    found = places(queue)
    assert found == [(4, (1, 4)), ("gap", (1, 4)), (8, (1, 8)), ("gap", (1, 8))]
