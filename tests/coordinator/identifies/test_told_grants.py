"""Each grant that a worker is sent is told once, and what was not sent is not."""

from __future__ import annotations

from cluster.wire import link
from coordinator.happenings.record import HappeningRecord
from coordinator.identifies.told_grants import SPARE, ToldGrants


def test_each_grant_is_told_once() -> None:
    record = HappeningRecord(lambda: 0.0, lambda: 1e9)
    there, sent = {0: True, 1: False}, list[tuple[int, link.ToWorker]]()

    def send(slot: int, message: link.ToWorker) -> bool:
        sent.append((slot, message))
        return there[slot]

    tell = ToldGrants(send, record, lambda slot, shard: True)

    def grant(slot: int, grant_id: int, epoch: int) -> bool:
        return tell(slot, link.IdentifyGrant(shard_id=7, grant_id=grant_id, epoch=epoch))

    assert grant(0, 1, 1)
    assert grant(0, 1, 1), "said again: the worker may not have heard"
    assert not grant(1, 2, 2), "it was not taken"
    assert tell(0, link.Welcome())
    there[1] = True
    assert grant(1, 2, 2)
    assert grant(0, 3, 3)
    told = record.since(0).happenings
    assert [(one.kind, one.worker, one.shard, one.epoch) for one in told] == [
        ("identify_granted", 0, 7, 1),
        ("identify_granted", 1, 7, 2),
        ("identify_granted", 0, 7, 3),
    ]
    assert len(sent) == 6


def test_what_has_moved_or_was_resharded_takes_no_memory() -> None:
    record = HappeningRecord(lambda: 0.0, lambda: 1e9)
    generation = 0
    asked = 0

    def owns(slot: int, _: int) -> bool:
        nonlocal asked
        asked += 1
        return slot == generation

    tell = ToldGrants(lambda *_: True, record, owns)
    for generation in range(20):
        for shard in range(200):
            grant = link.IdentifyGrant(shard_id=shard, grant_id=1000 * generation + shard, epoch=1)
            assert tell(generation, grant)
        assert {(generation, shard) for shard in range(200)} <= tell._told.keys()
    assert len(tell._told) <= 2 * 200 + SPARE
    assert asked < 2 * 20 * 200, "not all of them each time"
