"""What two reports of a shard show to have happened between them."""

from __future__ import annotations

from cluster.wire.happenings import HappeningKind
from cluster.wire.link import ShardReport
from cluster.wire.position import ShardKey
from cluster.wire.states import SessionState
from coordinator.happenings.shard_changes import ShardChanges

K = HappeningKind
S = SessionState
KEY = ShardKey(4, 2)


def report(state: SessionState, epoch: int = 0, detail: str = "", **lost: int) -> ShardReport:
    """lost: how often it was lost by each cause, whose _ is a space."""
    reconnects = {cause.replace("_", " "): count for cause, count in lost.items()}
    return ShardReport(
        shard_id=2, state=state, epoch=epoch, seq=1, events=1, reconnects=reconnects, detail=detail
    )


class Rig:
    def __init__(self, epoch: int | None = 0) -> None:
        self.changes = ShardChanges()
        if epoch is not None:
            self.changes.given(KEY, epoch)

    def see(self, *args: object, **lost: int) -> list[str]:
        """Report; return the kinds, with the epoch of those that have a session."""
        changes = self.changes.report(KEY, report(*args, **lost))  # type: ignore[arg-type]
        return [f"{change.kind.value} {change.epoch}" for change in changes]


def test_a_start() -> None:
    rig = Rig()
    for state in (S.CONNECTING, S.AWAITING_HELLO, S.AWAITING_GRANT):
        assert rig.see(state) == []
    assert rig.see(S.IDENTIFYING, 1) == []
    assert rig.see(S.READY, 1) == ["shard_identified 1"]
    assert rig.see(S.READY, 1) == []


def test_a_lost_connection_and_its_resume() -> None:
    rig = Rig()
    rig.see(S.READY, 1)
    assert rig.see(S.WAITING, 1, op_7=1) == ["shard_lost 1"]
    assert rig.see(S.RESUMING, 1, op_7=1) == []
    assert rig.see(S.READY, 1, op_7=1) == ["shard_resumed 1"]


def test_what_came_and_went_between_two_reports_is_told() -> None:
    rig = Rig()
    rig.see(S.READY, 1)
    assert rig.see(S.READY, 1, zombie=1) == ["shard_lost 1", "shard_resumed 1"]
    assert rig.see(S.READY, 2, zombie=1, op_9=1) == ["shard_lost 2", "shard_identified 2"]


def test_many_tries_are_one_loss_until_it_is_ready_or_the_cause_is_another() -> None:
    rig = Rig()
    rig.see(S.READY, 1)
    assert rig.see(S.WAITING, 1, connection_lost=1) == ["shard_lost 1"]
    told = [rig.see(S.WAITING, 1, connection_lost=1, connect_failed=n) for n in range(1, 9)]
    assert told == [["connect_failed 1"], *[[]] * 7]
    assert rig.see(S.READY, 1, connection_lost=1, connect_failed=8) == ["shard_resumed 1"]
    assert rig.see(S.WAITING, 1, connection_lost=1, connect_failed=9) == ["connect_failed 1"]


def test_why_no_connection_is_made_is_told_and_told_anew_where_it_changes() -> None:
    rig = Rig()
    rig.see(S.READY, 1)
    told = [
        change.cause
        for n, detail in enumerate(("refused", "refused", "answered HTTP 403"), 1)
        for change in rig.changes.report(KEY, report(S.WAITING, 1, detail, connect_failed=n))
    ]
    assert told == [
        "refused",
        "answered HTTP 403",
    ]


def test_the_next_process_of_a_worker_resumes_or_identifies() -> None:
    rig = Rig()
    rig.see(S.READY, 1, op_7=5)
    rig.changes.given(KEY, 1)
    assert rig.see(S.CONNECTING, 1) == []
    assert rig.see(S.READY, 1) == ["shard_resumed 1"]
    rig.changes.given(KEY, 1)
    assert rig.see(S.READY, 2) == ["shard_identified 2"]


def test_a_grant_that_died_with_its_worker_makes_no_new_session() -> None:
    rig = Rig(epoch=7)
    assert rig.see(S.READY, 6) == ["shard_resumed 6"]


def test_a_shard_that_was_taken_over_is_no_news() -> None:
    rig = Rig(epoch=None)
    assert rig.see(S.READY, 3, op_7=4) == []
    assert rig.see(S.WAITING, 3, op_7=5) == ["shard_lost 3"]


def test_a_shard_that_moves_to_another_worker_resumes_there() -> None:
    rig = Rig()
    rig.see(S.READY, 1, op_7=5)
    assert rig.see(S.CONNECTING, 1) == []
    assert rig.see(S.READY, 1) == ["shard_resumed 1"]


def test_another_worker_counts_from_the_beginning() -> None:
    rig = Rig()
    rig.see(S.READY, 1, op_7=5)
    assert rig.see(S.WAITING, 1, op_7=1) == ["shard_lost 1"]


def test_a_store_that_was_lost_makes_no_new_session() -> None:
    rig = Rig()
    rig.see(S.READY, 7)
    rig.changes.given(KEY, 0)
    assert rig.see(S.READY, 7) == ["shard_resumed 7"]


def test_a_refusal_is_told_once_with_what_to_do() -> None:
    rig = Rig()
    changes = rig.changes.report(KEY, report(S.FATAL, 1, "closed 4004: the token is wrong"))
    assert [(c.kind, c.cause) for c in changes] == [
        (K.SHARD_REFUSED, "closed 4004: the token is wrong")
    ]
    assert rig.see(S.FATAL, 1) == []
    assert Rig(epoch=None).see(S.FATAL, 1) == ["shard_refused 1"]


def test_shards_of_no_plan_any_more_are_forgotten() -> None:
    changes = ShardChanges()
    for count in range(1, 20):
        changes.keep({count - 1, count})
        for shard in range(count):
            changes.given(ShardKey(count, shard), 3)
        assert {key.shard_count for key in changes._seen} == {count - 1, count} - {0}
    kept = changes._seen
    changes.keep({18, 19})
    assert changes._seen is kept
