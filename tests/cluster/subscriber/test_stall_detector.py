"""Who is silent, and who is no more."""

from __future__ import annotations

from cluster.subscriber.stall_detector import STALL_SECONDS, StallDetector
from cluster.wire.position import ShardKey

LATER = 10.0


def heard() -> StallDetector:
    silence = StallDetector(0.0)
    for slot in (0, 1):
        silence.heard(slot, 1.0)
        silence.speaks_of(slot, ShardKey(2, slot))
    silence.heard(0, LATER)
    return silence


def test_a_worker_that_says_nothing_is_told_of_once() -> None:
    silence = heard()
    (stalled,) = silence.tell(LATER, listening=True)
    assert (stalled.slot, stalled.seconds) == (1, LATER - 1.0)
    assert silence.tell(LATER, listening=True) == []
    silence.heard(1, LATER)
    assert silence.tell(LATER + STALL_SECONDS, listening=True) == []


def test_one_whose_shards_are_with_others_is_no_more() -> None:
    silence = heard()
    silence.speaks_of(0, ShardKey(2, 1))
    assert silence.tell(LATER, listening=True) == []


def test_one_whose_shards_have_ended_is_no_more() -> None:
    silence = heard()
    silence.ended(ShardKey(2, 1))
    assert silence.tell(LATER, listening=True) == []
