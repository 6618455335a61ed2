"""Shards whose host is away are not shown as ready."""

from __future__ import annotations

from cluster.wire.states import HostState, SessionState
from coordinator.control.away_hosts import not_heard
from tests.coordinator.http.statuses import host, shard, worker


def test_shards_of_a_host_that_is_away_are_down_and_counted_so() -> None:
    hosts = [host("a"), host("b", state=HostState.AWAY)]
    workers = [worker(0, host="a"), worker(1, host="b")]
    fatal = shard(3, worker=1, state=SessionState.FATAL, detail="4004")
    shards = [shard(0, worker=0), shard(1, worker=1), shard(2, worker=1, detail="x"), fatal]
    shown = not_heard(hosts, workers, shards)
    assert [one.shards_ready for one in shown[0]] == [4, 0]
    assert [one.shards_ready for one in shown[1]] == [2, 0]
    assert [(one.state.value, one.detail) for one in shown[2]] == [
        ("ready", ""), ("down", "host b is away"), ("down", "host b is away"), ("fatal", "4004"),
    ]  # fmt: skip


def test_of_others_nothing_changes() -> None:
    rows = [host("a")], [worker(0, host="a")], [shard(0)]
    assert not_heard(*rows) == rows
    rows = [host("a", state=HostState.GONE)], [worker(0, host="a")], [shard(0)]
    assert not_heard(*rows) == rows
    assert not_heard([], [worker(0)], [shard(0)])[2] == [shard(0)], "the coordinator's own"
