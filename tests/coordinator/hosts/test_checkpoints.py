"""Where sessions are, as workers of other hosts have told it."""

from __future__ import annotations

from cluster.wire.link import Report, ShardCounts, ShardReport
from cluster.wire.shard_state import ShardState
from cluster.wire.states import SessionState
from coordinator.hosts.checkpoints import Checkpoints


def state(epoch: int, seq: int, shard: int = 0) -> ShardState:
    return ShardState(
        shard_id=shard, shard_count=4, epoch=epoch, seq=seq, session_id=f"s{epoch}",
        last={"MESSAGE_CREATE": seq},
    )  # fmt: skip


def report(*counts: tuple[int, int], epochs: dict[int, tuple[int, int]] | None = None) -> Report:
    """counts: (shard, seq). epochs: shard -> (epoch, seq)."""
    return Report(
        slot=0,
        has=[0, 1],
        shards=[
            ShardReport(shard_id=shard, state=SessionState.READY, epoch=epoch, seq=seq, events=0)
            for shard, (epoch, seq) in (epochs or {}).items()
        ],
        counts=[ShardCounts(shard, seq, 0, None) for shard, seq in counts],
        cpu_seconds=0, rss_bytes=0, events=0, journal_bytes=0, journal_seconds=None,
        journalling=True, unpublished=0,
    )  # fmt: skip


def test_the_seqs_of_reports_count_on_and_names_are_not_known_up_to_there() -> None:
    checkpoints = Checkpoints()
    checkpoints.take([state(3, 10)])
    checkpoints.report(4, report(epochs={0: (3, 12)}))
    checkpoints.report(4, report((0, 15)))
    now = checkpoints.state(4, 0)
    assert now is not None
    assert (now.epoch, now.seq, now.session_id) == (3, 15, "s3")
    assert (now.last, now.floor) == ({}, 15), "readers ask for what was up to there"


def test_nothing_goes_back() -> None:
    checkpoints = Checkpoints()
    checkpoints.take([state(3, 10)])
    checkpoints.report(4, report(epochs={0: (3, 12)}))
    checkpoints.take([state(3, 11), state(2, 99)])
    checkpoints.report(4, report((0, 11)))
    now = checkpoints.state(4, 0)
    assert now is not None
    assert (now.epoch, now.seq) == (3, 12)


def test_a_state_of_the_same_place_says_which_names_there_were() -> None:
    checkpoints = Checkpoints()
    checkpoints.take([state(3, 10)])
    checkpoints.report(4, report(epochs={0: (3, 12)}))
    checkpoints.take([state(3, 12)])
    now = checkpoints.state(4, 0)
    assert now is not None
    assert (now.last, now.floor) == ({"MESSAGE_CREATE": 12}, -1)


def test_seqs_of_a_new_epoch_are_not_the_old_ones() -> None:
    checkpoints = Checkpoints()
    checkpoints.take([state(3, 10)])
    checkpoints.report(4, report((0, 5000), epochs={0: (4, 4000)}))
    before = checkpoints.state(4, 0)
    assert before is not None
    assert (before.epoch, before.seq) == (3, 10)
    checkpoints.take([state(4, 4000)])
    checkpoints.report(4, report((0, 5001)))
    now = checkpoints.state(4, 0)
    assert now is not None
    assert (now.epoch, now.seq) == (4, 5001)


def test_it_says_of_which_shards_it_knows_no_state_to_count_on_from() -> None:
    """Their states were lost on the way, or told to another coordinator."""
    checkpoints = Checkpoints()
    assert checkpoints.report(4, report((1, 7), epochs={0: (3, 12)})) == [0, 1]
    checkpoints.take([state(3, 12), state(5, 7, shard=1)])
    assert checkpoints.report(4, report(epochs={0: (3, 14), 1: (5, 8)})) == []
    assert checkpoints.report(4, report((0, 15), (1, 9))) == []
    assert checkpoints.report(4, report(epochs={0: (4, -1)})) == [], "it identifies"
    assert checkpoints.report(4, report(epochs={0: (4, 1)})) == [0]


def test_shards_of_other_counts_are_forgotten() -> None:
    checkpoints = Checkpoints()
    checkpoints.take([state(3, 10), state(1, 1, shard=1)])
    checkpoints.keep({4})
    assert checkpoints.state(4, 0) is not None
    checkpoints.keep({8})
    assert checkpoints.state(4, 0) is None
    assert checkpoints.state(4, 1) is None


def test_what_nobody_has_said_is_not_known() -> None:
    checkpoints = Checkpoints()
    checkpoints.report(4, report((0, 5)))
    assert checkpoints.state(4, 0) is None
