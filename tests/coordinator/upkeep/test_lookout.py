"""What nobody tells by itself is seen within a second, and told once."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

from cluster.wire.states import WorkerState
from cluster.wire.status import BudgetStatus, SubscriberReport
from coordinator.control.subscribers import SILENT_S, Subscribers
from coordinator.happenings.record import HappeningRecord
from coordinator.sharding.plan import Plan
from coordinator.upkeep.lookout import BUDGET_EVERY, Lookout
from coordinator.workers.slots import Slot


class Rig:
    def __init__(self, reserve: int = 0) -> None:
        self.now, self.remaining, self.ready = 0.0, 1000, False
        self.waiting = list[int]()
        self.record = HappeningRecord(lambda: self.now, lambda: 1e9)
        self.subscribers = Subscribers(record=self.record)
        self.slot = Slot(1)
        fleet = SimpleNamespace(
            slots={1: self.slot},
            assignments=SimpleNamespace(plan=Plan(4, {1: (0, 1, 2, 3)})),
            reports=SimpleNamespace(all_ready=lambda plan: self.ready),
        )
        self.lookout = Lookout(
            self.record, cast(Any, fleet), self.budget, self.subscribers, lambda: self.now, reserve
        )

    def budget(self) -> BudgetStatus:
        return BudgetStatus(
            total=1000, remaining=self.remaining, reset_after_s=7200.0, max_concurrency=1, spent=0,
            waiting=self.waiting, wait_s=0.0,
        )  # fmt: skip

    def look(self, times: int = 1) -> list[str]:
        """Look, a second apart; return what is told."""
        last = self.record.since(0).last
        for _ in range(times):
            self.now += 1.0
            self.lookout.look()
        return [happening.text for happening in self.record.since(last).happenings]


def test_a_worker_that_reports_no_more() -> None:
    rig = Rig()
    assert rig.look() == []
    rig.slot.state, rig.slot.detail = WorkerState.MISSING, "no report for 6 s"
    assert rig.look(3) == ["worker 1 reports no more: no report for 6 s"]
    rig.slot.state = WorkerState.RUNNING
    assert rig.look() == []
    rig.slot.state = WorkerState.MISSING
    assert len(rig.look()) == 1


def test_all_shards_are_ready_again() -> None:
    rig = Rig()
    assert rig.look() == []
    rig.ready = True
    assert rig.look(2) == ["all 4 shards are ready"]
    rig.ready = False
    rig.look()
    rig.ready = True
    assert rig.look() == ["all 4 shards are ready"]


def test_a_budget_that_would_not_do_for_a_start() -> None:
    rig = Rig()
    rig.remaining, rig.waiting = 3, [2]
    assert rig.look(BUDGET_EVERY) == [], "such a start is under way"
    rig.waiting = []
    low = "3 of 1,000 identifies are left for 2.0 h: too few for 4 shards"
    assert rig.look(2 * BUDGET_EVERY) == [low]
    rig.remaining = 4
    assert rig.look(BUDGET_EVERY) == []
    rig.remaining = 3
    assert rig.look(BUDGET_EVERY) == [low]


def test_what_is_kept_in_reserve_is_not_left() -> None:
    rig = Rig(reserve=10)
    rig.remaining = 14
    assert rig.look(BUDGET_EVERY) == []
    rig.remaining = 13
    low = "3 of 1,000 identifies are left for 2.0 h: too few for 4 shards"
    assert rig.look(BUDGET_EVERY) == [low]


def test_subscribers_come_and_go() -> None:
    rig = Rig()

    def report(**what: Any) -> None:
        fields: dict[str, Any] = {
            "id": "a",
            "name": "bot",
            "pid": 7,
            "lag": 0,
            "events": 0,
            "gaps": 0,
            "replays": 0,
        }
        rig.subscribers.report(SubscriberReport(**fields | what), rig.now)

    report()
    report(gaps=2)
    report(gaps=2)
    report(gaps=4, gap_reasons={"gone": 1, "skipped": 1, "invented": 2})
    report(gaps=5, gap_reasons={"gone": 1, "skipped": 2, "invented": 2}, leaving=True)
    report(leaving=True)
    report()
    assert [happening.text for happening in rig.record.since(0).happenings] == [
        "'bot' (pid 7) subscribes",
        "'bot' (pid 7) was told of events that can't be had again",
        "'bot' (pid 7) was told of events that can't be had again: Discord's replay left them out, "
        "no journal has them, other",
        "'bot' (pid 7) was told of events that can't be had again: Discord's replay left them out",
        "'bot' (pid 7) subscribes no more",
        "'bot' (pid 7) subscribes",
    ]
    assert rig.look(int(SILENT_S)) == []
    assert rig.look() == ["'bot' (pid 7) subscribes no more: it said nothing for 10 s"]
