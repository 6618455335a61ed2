"""What systemd is told while a cluster starts, runs and stops."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from cluster.service_manager import ServiceManager
from cluster.wire.status import BudgetStatus
from coordinator.sharding.plan import Plan
from coordinator.upkeep.service import EXTEND_US, Service
from tests.notify_socket import Message, NotifySocket


class Rig:
    def __init__(self, notify: NotifySocket, ready_shards: int = 0) -> None:
        self.notify = notify
        self.ready, self.running = list[int](), {0, 1}
        self.waiting, self.trouble = list[int](), ""
        fleet = SimpleNamespace(
            slots=SimpleNamespace(is_running=lambda slot: slot in self.running),
            assignments=SimpleNamespace(plan=Plan(4, {0: (0, 1), 1: (2, 3)})),
            reports=SimpleNamespace(ready=lambda plan: self.ready),
        )
        self.service = Service(
            ServiceManager(notify.address, 30.0), cast(Any, fleet), self.budget,
            ready_shards=ready_shards,
        )  # fmt: skip

    def budget(self) -> BudgetStatus:
        return BudgetStatus(
            total=1000, remaining=9, reset_after_s=0.0, max_concurrency=1, spent=0,
            waiting=self.waiting, wait_s=5.0 * len(self.waiting), trouble=self.trouble,
        )  # fmt: skip

    def tell(self) -> Message:
        self.service.tell()
        (message,) = self.notify.heard()
        return message


@pytest.fixture
def notify(short_folder: Path) -> Iterator[NotifySocket]:
    with NotifySocket.bound(str(short_folder / "notify")) as bound:
        yield bound


def test_a_start(notify: NotifySocket) -> None:
    rig = Rig(notify)
    rig.service.begin()
    assert notify.heard() == [{"MAINPID": str(os.getpid())}]
    rig.waiting = [0, 1, 2, 3]
    text = "0 of 4 shards are ready on 2 workers; not ready: 0-3; identifies take 20 s more"
    more = {"WATCHDOG": "1", "EXTEND_TIMEOUT_USEC": str(EXTEND_US)}
    assert rig.tell() == {**more, "STATUS": text}
    assert rig.tell() == more, "what is the same is not said again"
    rig.ready, rig.waiting, rig.trouble = [0, 1], [2, 3], "the API is away"
    text = "2 of 4 shards are ready on 2 workers; not ready: 2-3; the API is away"
    assert rig.tell() == {**more, "STATUS": text}
    rig.ready, rig.running = [0, 1, 2, 3], {0}
    assert "READY" not in rig.tell(), "as `/readyz`: each worker runs"
    rig.running = {0, 1}
    assert rig.tell() == {"WATCHDOG": "1", "READY": "1"}
    assert rig.tell() == {"WATCHDOG": "1"}


def test_what_is_ready_once_is_alive_though_shards_are_lost(notify: NotifySocket) -> None:
    rig = Rig(notify)
    rig.ready = [0, 1, 2, 3]
    assert rig.tell()["STATUS"] == "ready: 4 shards on 2 workers"
    rig.ready = [1, 3]
    message = rig.tell()
    assert message["WATCHDOG"] == "1"
    assert message["STATUS"] == "2 of 4 shards are ready on 2 workers; not ready: 0, 2"
    assert "EXTEND_TIMEOUT_USEC" not in message


def test_some_shards_are_enough(notify: NotifySocket) -> None:
    rig = Rig(notify, ready_shards=2)
    rig.running = {1}
    rig.ready = [3]
    assert "READY" not in rig.tell()
    rig.ready = [2, 3]
    assert rig.tell()["READY"] == "1"


def test_ready_is_said_again_where_it_was_not_heard(short_folder: Path) -> None:
    with NotifySocket.bound(str(short_folder / "other")) as other:
        rig = Rig(other)
    rig.ready = [0, 1, 2, 3]
    rig.service.tell()
    (short_folder / "other").unlink()
    with NotifySocket.bound(str(short_folder / "other")) as rig.notify:
        assert rig.tell() == {
            "WATCHDOG": "1",
            "READY": "1",
            "STATUS": "ready: 4 shards on 2 workers",
        }


def test_a_reload_and_a_stop(notify: NotifySocket) -> None:
    rig = Rig(notify)
    rig.service.reloading()
    rig.service.reloaded()
    assert notify.heard() == [], "READY would end a start that is under way"
    rig.ready = [0, 1, 2, 3]
    rig.tell()
    rig.service.reloading()
    rig.service.reloaded()
    reloading, reloaded = notify.heard()
    assert reloading["RELOADING"] == "1"
    assert int(reloading["MONOTONIC_USEC"]) > 0
    assert reloaded == {"READY": "1"}
    rig.service.stopping()
    assert notify.heard() == [{"STOPPING": "1", "STATUS": "stopping"}]
    rig.service.reloading()
    rig.service.reloaded()
    assert notify.heard() == []
    message = rig.tell()
    assert message == {"WATCHDOG": "1", "STATUS": "stopping"}, "it asks for no more time to start"


def test_the_watchdog_is_fed_well_before_it_bites(notify: NotifySocket) -> None:
    fleet = cast(Any, None)
    for watchdog_s, pause_s in ((0.0, 1.0), (20.0, 1.0), (1.5, 0.5)):
        manager = ServiceManager(notify.address, watchdog_s)
        assert Service(manager, fleet, fleet, ready_shards=0).pause_s == pause_s
