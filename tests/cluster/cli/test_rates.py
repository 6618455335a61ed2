"""EventRates against a PUB socket of the test's own."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from typing import Any

import pytest
import zmq

from cluster.cli.rates import EventRates
from cluster.wire.batch_writer import ShardWriter
from cluster.wire.shard_state import ShardState


@pytest.fixture
def hub() -> Iterator[zmq.Socket[Any]]:
    context: zmq.Context[zmq.Socket[Any]] = zmq.Context()
    with tempfile.TemporaryDirectory(prefix="dcgw-") as folder:
        socket = context.socket(zmq.XPUB)
        socket.bind(f"ipc://{folder}/events")
        yield socket
        context.destroy(linger=0)


def test_counts_events_by_name(hub: zmq.Socket[Any]) -> None:
    now = 100.0
    rates = EventRates(hub.getsockopt_string(zmq.LAST_ENDPOINT), clock=lambda: now)
    assert hub.recv() == b"\x01"  # it has subscribed
    writer = ShardWriter("0" * 16, ShardState(shard_id=0, shard_count=1))
    writer.begin_epoch(1)
    drain = [("MESSAGE_CREATE", n, b"{}") for n in range(6)] + [("TYPING_START", 6, b"{}")]
    for message in [*writer.drain(drain, 1), b"_watermark.0.\0\x90", b"no topic", b"A.0.\0\xc1"]:
        hub.send(message)
    now = 102.0
    counts: dict[str, float] = {}
    while "TYPING_START" not in counts:
        counts = rates()
    assert counts == {"MESSAGE_CREATE": 3.0, "TYPING_START": 0.5}
    now = 110.0
    assert rates() == {}
    rates.close()
