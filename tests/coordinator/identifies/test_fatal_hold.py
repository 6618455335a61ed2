"""What one shard was refused for, no other asks again."""

from __future__ import annotations

import pytest

from cluster.discord.close_codes import CLOSE_CODES, SHARED_REFUSALS, Then
from cluster.wire.link import ShardReport
from cluster.wire.states import SessionState
from coordinator.identifies.fatal_hold import FatalHold


def shard(shard_id: int, refused: int | None = None) -> ShardReport:
    state = SessionState.FATAL if refused else SessionState.READY
    return ShardReport(shard_id=shard_id, state=state, epoch=1, seq=1, events=0, refused=refused)


@pytest.mark.parametrize("code", sorted(SHARED_REFUSALS))
def test_held_from_the_first_refusal_to_the_end_of_the_last(code: int) -> None:
    assert CLOSE_CODES[code].then is Then.FATAL
    hold = FatalHold()
    assert not hold.report([shard(0), shard(1)])
    assert hold.reason == ""
    assert hold.report([shard(0), shard(1, code)])
    assert f"shard 1 is refused with {code}" in hold.reason
    assert not hold.report([shard(2, code)])
    assert not hold.gone([0, 1])
    assert f"shard 2 is refused with {code}" in hold.reason
    assert hold.report([shard(2)])
    assert hold.reason == ""


def test_what_is_one_shards_own_matter_holds_nobody_back() -> None:
    hold = FatalHold()
    assert not hold.report([shard(0, 4010)])
    assert hold.reason == ""


def test_a_worker_that_ends_takes_its_refusals_along() -> None:
    hold = FatalHold()
    hold.report([shard(3, 4004), shard(4, 4004)])
    assert hold.gone([3, 4])
    assert hold.reason == ""
