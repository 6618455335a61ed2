"""Requests are passed on unless a shard of the same count stands refused for what all share."""

from __future__ import annotations

from typing import Any

import pytest

from cluster.wire import link
from cluster.wire.states import SessionState
from cluster.wire.status import BudgetStatus
from coordinator.identifies.guarded_queue import GuardedQueue
from coordinator.sharding.assignments import Assignments
from coordinator.sharding.plan import Plan

REFUSED_TOKEN = 4004


class PlayedQueue:
    """A grant queue that notes what it is told."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []

    def handle(self, slot: int, message: Any) -> None:
        self.calls.append(("handle", slot, type(message)))

    def ready(self, slot: int, shards: Any) -> None:
        self.calls.append(("ready", slot, list(shards)))

    def gone(self, slot: int) -> None:
        self.calls.append(("gone", slot))

    def status(self) -> BudgetStatus:
        return BudgetStatus(
            total=1, remaining=1, reset_after_s=1.0, max_concurrency=1, spent=0, waiting=[],
            wait_s=0.0, trouble="the ledger is full",
        )  # fmt: skip

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"{name} is not asked for")


class Rig:
    """Workers 0 and 1 of the plan in force, and 2 of another shard count beside it."""

    def __init__(self) -> None:
        self.queue = PlayedQueue()
        self.sent: list[tuple[int, link.ToWorker]] = []
        self.full: set[int] = set()
        assignments = Assignments(Plan(2, {0: (0,), 1: (1,)}))
        assignments.put_beside(Plan(4, {2: (0, 1, 2, 3)}))
        self.guard = GuardedQueue(self.queue, assignments, self.send)

    def send(self, slot: int, message: link.ToWorker) -> bool:
        if slot in self.full:
            return False
        self.sent.append((slot, message))
        return True

    def report(self, slot: int, shard: int, refused: int | None = None) -> None:
        state = SessionState.FATAL if refused else SessionState.READY
        row = link.ShardReport(
            shard_id=shard, state=state, epoch=1, seq=1, events=0, refused=refused
        )
        self.guard.report(slot, [row])

    def is_passed_on(self, slot: int) -> bool:
        self.queue.calls.clear()
        self.guard.handle(slot, link.IdentifyRequest(shard_id=slot))
        return self.queue.calls == [("handle", slot, link.IdentifyRequest)]


@pytest.fixture
def rig() -> Rig:
    return Rig()


def test_requests_pass_and_ready_shards_are_told(rig: Rig) -> None:
    rig.report(0, 0)
    assert rig.queue.calls == [("ready", 0, [0])]
    assert rig.is_passed_on(0)
    assert rig.guard.status().trouble == "the ledger is full"
    assert rig.sent == []


def test_a_refusal_holds_all_of_its_shard_count_and_no_other(rig: Rig) -> None:
    rig.report(0, 0, REFUSED_TOKEN)
    assert rig.queue.calls == [("ready", 0, []), ("gone", 0), ("gone", 1)]
    assert not rig.is_passed_on(0)
    assert not rig.is_passed_on(1)
    assert rig.is_passed_on(2)
    assert rig.guard.status().trouble.startswith("no shard identifies while shard 0 is refused")
    assert rig.guard.status().trouble.endswith("; the ledger is full")


def test_what_was_sent_or_not_is_passed_on_all_the_same(rig: Rig) -> None:
    rig.report(0, 0, REFUSED_TOKEN)
    rig.queue.calls.clear()
    rig.guard.handle(1, link.IdentifySent(shard_id=1, grant_id=7))
    rig.guard.handle(1, link.IdentifyUnused(shard_id=1, grant_id=8))
    assert [call[2] for call in rig.queue.calls] == [link.IdentifySent, link.IdentifyUnused]


@pytest.mark.parametrize("by_its_end", [True, False])
def test_who_was_held_back_is_welcomed_to_ask_again(rig: Rig, by_its_end: bool) -> None:
    rig.report(0, 0, REFUSED_TOKEN)
    if by_its_end:
        rig.guard.gone(0)
    else:
        rig.report(0, 0)
    assert rig.sent == [(0, link.Welcome()), (1, link.Welcome())]
    assert rig.is_passed_on(1)


def test_a_welcome_that_found_a_full_pipe_is_said_at_the_next_report(rig: Rig) -> None:
    rig.report(0, 0, REFUSED_TOKEN)
    rig.full.add(1)
    rig.report(0, 0)
    assert rig.sent == [(0, link.Welcome())]
    rig.report(1, 1)
    rig.full.clear()
    for _ in range(2):
        rig.report(1, 1)
    assert rig.sent == [(0, link.Welcome()), (1, link.Welcome())]


@pytest.mark.parametrize("end", ["gone", "refused"])
def test_a_welcome_that_holds_no_more_is_not_said(rig: Rig, end: str) -> None:
    rig.report(0, 0, REFUSED_TOKEN)
    rig.full.add(1)
    rig.report(0, 0)
    rig.guard.gone(1) if end == "gone" else rig.report(0, 0, REFUSED_TOKEN)
    rig.full.clear()
    rig.report(1, 1)
    assert (1, link.Welcome()) not in rig.sent
