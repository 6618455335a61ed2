"""What coordinators and workers of different versions understand of each other."""

from __future__ import annotations

import msgspec
import pytest

from cluster.decode_errors import MALFORMED
from cluster.discord.event_names import EVENT_NAMES
from cluster.wire import link
from cluster.wire.states import SessionState
from cluster.wire.traffic import LATENCY_CLASSES, MOST_TYPES

HELLO_2 = {
    "type": "hello", "version": 2, "slot": 3, "pid": 77, "started_at": 1.5,
    "package_version": "0.1.0", "shard_count": 8,
    "shards": [{
        "shard_id": 5, "state": "ready", "epoch": 2, "seq": 9, "events": 4, "silent_s": 0.5,
        "unplaced": 0, "session_age_s": 60.0, "heartbeat_ms": 41.0, "late_acks": 0, "guilds": 7,
        "reconnects": {"op 7": 1}, "detail": "", "next_try_s": None, "refused": None,
    }],
}  # fmt: skip
"""As a worker of version 2 says it."""


def test_a_hello_of_another_version_is_understood() -> None:
    """Its worker is told to stop; one that is not understood would be killed."""
    hello = link.decode_from_worker(msgspec.msgpack.encode(HELLO_2))
    assert isinstance(hello, link.Hello)
    assert (hello.version, hello.pid, hello.shard_count) == (2, 77, 8)
    assert [shard.shard_id for shard in hello.shards] == [5]


def test_a_hello_is_what_another_version_reads() -> None:
    shard = link.ShardReport(shard_id=5, state=SessionState.READY, epoch=2, seq=9, events=4)
    hello = link.Hello(
        version=link.LINK_VERSION, slot=3, pid=77, started_at=1.5, package_version="0.1.0",
        shard_count=8, shards=[shard],
    )  # fmt: skip
    said = msgspec.msgpack.decode(link.encode(hello))
    assert said.keys() - HELLO_2.keys() == {"hub"}, "of which it takes no notice"
    assert said.keys() >= HELLO_2.keys()
    assert said["shards"][0].keys() == HELLO_2["shards"][0].keys()  # type: ignore[index]


REPORT_3 = {
    "type": "report", "slot": 3, "has": [5], "shards": [], "counts": [], "cpu_seconds": 1.5,
    "rss_bytes": 9, "events": 4, "journal_bytes": 1, "journal_seconds": None, "journalling": True,
    "unpublished": 0, "held": False,
}  # fmt: skip
"""As a worker says it that counts nothing."""


def test_a_worker_that_counts_nothing_is_understood() -> None:
    report = link.decode_from_worker(msgspec.msgpack.encode(REPORT_3))
    assert isinstance(report, link.Report)
    assert report.traffic is None


def test_what_a_worker_counts_is_bounded() -> None:
    def read(traffic: object) -> link.FromWorker:
        return link.decode_from_worker(msgspec.msgpack.encode(REPORT_3 | {"traffic": traffic}))

    names = {f"EVENT_{number}": number for number in range(MOST_TYPES)}
    read({"events": names, "heartbeats": [1] * LATENCY_CLASSES})
    for traffic in (
        {"events": names | {"ONE_MORE": 1}},
        {"events": {"N" * 65: 1}},
        {"heartbeats": [1] * (LATENCY_CLASSES + 1)},
    ):
        with pytest.raises(MALFORMED):
            read(traffic)


def test_all_types_that_are_known_fit() -> None:
    assert len(EVENT_NAMES) < MOST_TYPES
    assert max(map(len, EVENT_NAMES)) <= 64
