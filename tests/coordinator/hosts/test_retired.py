"""Journals of hosts that no worker uses any more, by a clock in the test's hands."""

from __future__ import annotations

from cluster.wire.hosts import ClearJournal, HeldSlot, HostHello, HostReport, ToHost
from coordinator.hosts.host import AWAY_AFTER_S, Host
from coordinator.hosts.retired import LOOK_S, RetiredJournals
from coordinator.state.folders import RETIRED_S

ID = b"a/0000000000000001"


class Room:
    """A host with journals of slots 0 (placed there), 1 (elsewhere) and 2 (of no plan, held)."""

    def __init__(self) -> None:
        self.now = 0.0
        self.told: list[ToHost] = []
        self.where = {0: "a", 1: "b"}
        self.host = Host("a", self.send, lambda: self.now, 30.0, lambda: 1)
        self.retired = RetiredJournals(lambda: self.where, lambda: self.now)
        self.host.join(ID, HostHello(version=1, package_version="1", boot_id="b", workers=1))
        self.report()

    def send(self, host_id: bytes, message: ToHost) -> bool:
        self.told.append(message)
        return True

    def report(self) -> None:
        self.host.take_report(HostReport(held=[HeldSlot(slot=2, pid=7)], journals=[0, 1, 2]))

    def passes(self, seconds: float) -> None:
        self.now += seconds
        self.retired.look({"a": self.host})


def test_one_that_is_of_no_worker_for_a_day_is_removed() -> None:
    room = Room()
    room.passes(LOOK_S)
    room.passes(RETIRED_S)
    assert room.told == []
    room.passes(LOOK_S)
    assert room.told == [ClearJournal(slot=1)]


def test_one_that_is_used_again_is_kept_for_a_day_from_then() -> None:
    room = Room()
    room.passes(LOOK_S)
    room.where[1] = "a"
    room.passes(RETIRED_S)
    room.where[1] = "b"
    room.passes(LOOK_S)
    room.passes(RETIRED_S)
    assert room.told == []


def test_while_the_host_is_away_nothing_is_forgotten() -> None:
    room = Room()
    room.passes(LOOK_S)
    room.now += AWAY_AFTER_S + 1
    room.host.tick()
    room.passes(RETIRED_S)
    assert room.told == []
    room.report()
    room.passes(LOOK_S)
    assert room.told == [ClearJournal(slot=1)]
