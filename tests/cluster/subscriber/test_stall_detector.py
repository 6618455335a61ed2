"""Who is silent, and who is no more."""

from __future__ import annotations

from cluster.subscriber.stall_detector import STALL_SECONDS, StallDetector
from cluster.wire.position import ShardKey

LATER = 10.0


def heard() -> StallDetector:
    detector = StallDetector(0.0)
    for slot in (0, 1):
        detector.heard(slot, 1.0)
        detector.names_shard(slot, ShardKey(2, slot))
    detector.heard(0, LATER)
    return detector


def test_a_worker_that_says_nothing_is_told_of_once() -> None:
    detector = heard()
    (stalled,) = detector.newly_stalled(LATER, listening=True)
    assert (stalled.slot, stalled.seconds) == (1, LATER - 1.0)
    assert detector.newly_stalled(LATER, listening=True) == []
    detector.heard(1, LATER)
    assert detector.newly_stalled(LATER + STALL_SECONDS, listening=True) == []


def test_one_whose_shards_are_with_others_is_no_more() -> None:
    detector = heard()
    detector.names_shard(0, ShardKey(2, 1))
    assert detector.newly_stalled(LATER, listening=True) == []


def test_one_whose_shards_have_ended_is_no_more() -> None:
    detector = heard()
    detector.shard_ended(ShardKey(2, 1))
    assert detector.newly_stalled(LATER, listening=True) == []
