"""The hosts as `status` shows them."""

from __future__ import annotations

from cluster.complaints import host_complaints
from cluster.wire.hosts import HostReport
from cluster.wire.states import HostState
from cluster.wire.status import HostStatus
from coordinator.hosts.status import host_rows
from tests.coordinator.hosts.test_hosts import LEASE_S, A, B, Room
from tests.coordinator.http.statuses import worker


def rows(room: Room) -> list[HostStatus]:
    """Return the rows, with two workers on host a."""
    workers = [worker(0, host="a"), worker(1, host="a", shards_ready=1)]
    return host_rows(room.hosts, workers if "a" in room.hosts.by_name else [], room.now)


def row(room: Room, name: str = "a") -> HostStatus:
    return next(one for one in rows(room) if one.name == name)


def well(room: Room, host_id: bytes = A, **more: object) -> None:
    usual: dict[str, object] = {"cpu_percent": 7.0, "memory_percent": 8.0, "disk_free_bytes": 9}
    report = HostReport(held=[], **usual | more)  # type: ignore[arg-type]
    room.words.take(host_id, report)


def test_a_host_that_is_here() -> None:
    room = Room()
    room.join(A)
    assert row(room).cpu_percent is None, "it has not reported yet"
    assert not row(room).takes_workers
    well(room)
    room.now += 2.5
    shown = row(room)
    assert (shown.state, shown.address, shown.share, shown.version) == (
        HostState.HERE, "box", 2, "9.9",
    )  # fmt: skip
    assert (shown.workers, shown.shards, shown.shards_ready, shown.events_per_s) == (2, 4, 3, 8.0)
    assert (shown.cpu_percent, shown.memory_percent, shown.disk_free_bytes) == (7.0, 8.0, 9)
    assert (shown.uptime_s, shown.heard_s, shown.gone_in_s) == (2.5, 2.5, None)
    assert shown.takes_workers
    assert shown.labels == {"zone": "", "disk": "ssd"}


def test_of_one_that_is_away_the_numbers_are_not_known() -> None:
    room = Room({0: "a"})
    room.join(A)
    well(room)
    room.passes(7)
    shown = row(room)
    assert shown.state is HostState.AWAY
    assert (shown.cpu_percent, shown.memory_percent, shown.disk_free_bytes) == (None, None, None)
    assert (shown.uptime_s, shown.heard_s) == (None, 7.0)
    assert shown.gone_in_s is not None
    assert 0 < shown.gone_in_s <= 2 * LEASE_S
    left = shown.gone_in_s
    room.passes(1)
    assert row(room).gone_in_s == left - 1


def test_one_that_is_drained() -> None:
    room = Room()
    room.join(A)
    well(room)
    room.hosts.drain("a", draining=True)
    assert (row(room).state, row(room).detail) == (HostState.DRAINING, "")
    assert not row(room).takes_workers


def test_one_that_is_drained_and_empty_is_shown_while_it_is_here() -> None:
    room = Room()
    room.join(B)
    well(room, B)
    room.hosts.drain("b", draining=True)
    shown = row(room, "b")
    assert (shown.state, shown.workers) == (HostState.DRAINING, 0)
    again = "`dcgw-cluster drain b --undo` gives it workers again"
    assert shown.detail == f"it is drained: its agent may end, or {again}"


def test_one_that_was_lost_is_shown_until_it_is_drained() -> None:
    room = Room()
    room.join(B)
    well(room, B)
    room.passes(3 * LEASE_S)
    assert row(room, "b").state is HostState.GONE
    assert row(room, "b").gone_in_s is None
    room.hosts.drain("b", draining=True)
    assert rows(room) == []


def test_one_that_has_left_in_good_order_is_shown_no_more() -> None:
    room = Room()
    room.join(B)
    well(room, B, leaving=False)
    assert row(room, "b").detail == ""
    well(room, B, leaving=True)
    assert rows(room) == []


def test_one_that_has_left_is_shown_until_its_workers_are_elsewhere() -> None:
    room = Room({0: "a", 1: "a"})
    room.join(A)
    well(room, leaving=True)
    assert (row(room).state, row(room).left) == (HostState.GONE, True)
    assert host_complaints(rows(room)) == [], "nobody has to act"
    room = Room({0: "a", 1: "a"})
    room.join(A)
    well(room)
    room.passes(3 * LEASE_S)
    assert not row(room).left
    assert len(host_complaints(rows(room))) == 1


def test_what_is_said_of_a_host() -> None:
    room = Room()
    room.labels = {"disk": "ssd", "zone": "eu"}
    room.join(A, zone="us")
    well(room)
    assert row(room).detail == "it gets no workers, for want of the label zone=eu (hosts.labels)"
    assert not row(room).takes_workers
    room.labels = {}
    assert row(room).takes_workers
    well(room, replay="no answer")
    assert row(room).detail == "its replay server: no answer"
