"""Where a shard goes on that comes from another host: from the newest that anybody knows."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from cluster.wire.link import Report, ShardPlan
from cluster.wire.position import ShardKey
from cluster.wire.shard_state import Public, ShardState
from shard_worker.delivery.slot_journal import SlotJournal
from tests.shard_worker.delivery.test_checkpoints import report
from tests.shard_worker.delivery.test_held_shards import spec

KEY = ShardKey(6, 2)


def given(epoch: int, seq: int, **more: object) -> ShardPlan:
    """Return a shard as the coordinator gives it, with where it was on another host."""
    fields = {
        "shard_id": 2, "shard_count": 6, "epoch": epoch, "seq": seq, "session_id": f"given {epoch}",
        "last": {"A": seq}, "moved_to": 4,
    }  # fmt: skip
    state = msgspec.convert(fields | more, ShardState)
    return ShardPlan(shard_id=2, shard_count=6, last_epoch=epoch, state=state)


def received(slot: SlotJournal, epoch: int, seq: int) -> None:
    shard = slot.shard(ShardPlan(shard_id=2, shard_count=6))[0]
    shard.begin_epoch(epoch, f"own {epoch}", "", 0)
    shard.deliver([("A", n, b"{}") for n in range(1, seq + 1)], 1)


@pytest.mark.parametrize(
    ("own", "elsewhere", "newest"),
    [
        (None, None, "given 7"),
        ((7, 9), None, "given 7"),
        ((7, 10), None, "own 7"),
        ((7, 11), None, "own 7"),
        ((6, 99), None, "given 7"),
        ((8, 1), None, "own 8"),
        (None, (8, 1), "own 8"),
        (None, (7, 9), "given 7"),
        ((6, 1), (8, 2), "own 8"),
    ],
)
def test_the_newest_of_all_that_is_known_counts(
    tmp_path: Path,
    own: tuple[int, int] | None,
    elsewhere: tuple[int, int] | None,
    newest: str,
) -> None:
    for number, place in ((0, own), (1, elsewhere)):
        if place is not None:
            before = SlotJournal(spec(tmp_path, number))
            received(before, *place)
            before.close()
    slot = SlotJournal(spec(tmp_path, 0))
    _, resumable, epoch = slot.shard(given(7, 10))
    assert resumable is not None
    assert (resumable.session_id, resumable.epoch) == (newest, epoch)
    slot.close()


def test_what_was_given_is_journalled_before_anything_else_and_goes_on_as_it_was(
    tmp_path: Path,
) -> None:
    plan = given(7, 10, floor=10, last={}, before=[5, 44], public=[7, 3, 1000, 4, 9], guilds=2)
    slot = SlotJournal(spec(tmp_path, 0))
    slot.shard(plan)
    slot.close()
    again = SlotJournal(spec(tmp_path, 0))
    state = again.states()[KEY]
    assert plan.state is not None
    assert state == msgspec.structs.replace(plan.state, moved_to=-1)
    shard = again.shard(ShardPlan(shard_id=2, shard_count=6))[0]
    shard.deliver([("B", 11, b"{}")], 1)
    assert (state.epoch, state.seq, state.floor, state.last) == (7, 11, 10, {"B": 11})
    assert state.public == Public(7, 3, 1000, 4, 9)
    again.close()


def test_an_epoch_that_has_ended_elsewhere_is_not_resumed(tmp_path: Path) -> None:
    slot = SlotJournal(spec(tmp_path, 0))
    received(slot, 7, 10)
    slot.release(2, 4)
    _, resumable, epoch = slot.shard(given(7, 10, ended=True, session_id=""))
    assert (resumable, epoch) == (None, 7)
    slot.close()


def test_a_shard_that_was_held_elsewhere_is_held_here_or_counts_from_here(tmp_path: Path) -> None:
    plan = given(7, 10, held=4, public=[7, 3, 0, 4, 9])
    held = SlotJournal(spec(tmp_path, 0, held_for=4, overlap_ns=8))
    held.shard(plan)
    assert held.states()[KEY].held == 4
    assert held.states()[KEY].public == Public(7, 10, 0, 4, 8)
    held.publish(9)
    counts = held.states()[KEY]
    assert (counts.held, counts.public is not None and counts.public.overlap_ns) == (0, 9)
    held.close()
    other = SlotJournal(spec(tmp_path / "other", 0, overlap_ns=8))
    other.shard(given(7, 10, held=4, public=[7, 3, 0, 4, 9]))
    other.close()
    again = SlotJournal(spec(tmp_path / "other", 0))
    state = again.states()[KEY]
    assert state.public is not None
    assert (state.held, state.public.epoch, state.public.seq) == (0, 7, 10)
    assert state.public.since_ns > 0
    again.close()


def test_a_heartbeat_acknowledges_what_is_journalled_and_known_to_the_coordinator(
    tmp_path: Path,
) -> None:
    slot = SlotJournal(spec(tmp_path, 0, lease_s=30.0))
    shard = slot.shard(ShardPlan(shard_id=2, shard_count=6))[0]
    shard.begin_epoch(8, "session", "", 0)
    shard.deliver([("READY", 1, b"{}"), ("A", 2, b"{}")], 1)
    assert (shard.handled(2), shard.resumed_after(2)) == (-1, 2), "nobody else can go on with it"
    checkpoints = slot.checkpoints
    assert checkpoints is not None
    said: Report = report(1, slot.states()[KEY])
    checkpoints._shard_count = 6
    assert list(checkpoints.due(said, slot.states())) == [[slot.states()[KEY]]]
    checkpoints.reported(said, slot.states())
    assert shard.handled(2) == -1
    shard.deliver([("A", 3, b"{}")], 2)
    checkpoints.answered(1)
    assert (shard.handled(3), shard.handled(1), shard.resumed_after(3)) == (2, 1, 2)
    shard.end_epoch("op 9")
    shard.begin_epoch(9, "session", "", 0)
    assert shard.handled(3) == -1
    slot.close()


def test_without_a_lease_it_acknowledges_what_is_journalled(tmp_path: Path) -> None:
    slot = SlotJournal(spec(tmp_path, 0))
    assert slot.checkpoints is None
    shard = slot.shard(ShardPlan(shard_id=2, shard_count=6))[0]
    assert (shard.handled(3), shard.resumed_after(3)) == (3, 3)
    slot.close()
