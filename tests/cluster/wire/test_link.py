"""What coordinators and workers of different versions understand of each other."""

from __future__ import annotations

import msgspec

from cluster.wire import link
from cluster.wire.states import SessionState

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
    assert said.keys() == HELLO_2.keys()
    assert said["shards"][0].keys() == HELLO_2["shards"][0].keys()  # type: ignore[index]
