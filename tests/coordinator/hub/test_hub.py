"""The hub: what comes in goes out, and it can be ended."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
import zmq

from cluster.errors import AlreadyRunningError
from cluster.wire import watermark
from coordinator.hub.hub import Hub
from coordinator.hub.last_out import LastOut

Context = zmq.Context[zmq.Socket[bytes]]


@pytest.fixture
def context() -> Iterator[Context]:
    made: Context = zmq.Context()
    yield made
    made.destroy(0)


def test_events_come_through_and_the_last_watermark_is_known(
    context: Context, tmp_path: Path
) -> None:
    async def run() -> None:
        hub = Hub(
            context, workers_endpoint=f"ipc://{tmp_path}/h",
            subscribers_endpoint=f"ipc://{tmp_path}/s",
        )  # fmt: skip
        assert hub.alive
        worker = context.socket(zmq.XPUB)
        worker.connect(f"ipc://{tmp_path}/h")
        assert worker.recv() == b"\x01", "the hub subscribes to everything"
        out = LastOut(context, [f"ipc://{tmp_path}/s"])
        out.start(asyncio.get_running_loop())
        row = watermark.Row(3, 8, 2, None, 41, -1, [("A", 41)])
        older = watermark.Row(3, 8, 1, None, 99, -1, [])
        async with asyncio.timeout(60):
            while not out.shards:  # what is sent before it has subscribed goes to nobody
                worker.send(watermark.encode("store", 0, 1, True, [row]))
                await asyncio.sleep(0.02)
            worker.send(watermark.encode("store", 1, 1, True, [older]))
            worker.send(b"_watermark.1.\0garbage")
            while not out.refused:  # noqa: ASYNC110  # what changes it is ZeroMQ
                await asyncio.sleep(0.02)
        assert out.shards == {(8, 3): (2, 41)}
        out.close()
        worker.close(0)
        hub.close()
        hub.close()
        assert not hub.alive

    asyncio.run(run())


def test_an_endpoint_that_cant_be_bound_is_said_and_nothing_stays_open(
    context: Context, tmp_path: Path
) -> None:
    with pytest.raises(AlreadyRunningError, match="can't be bound"):
        Hub(
            context, workers_endpoint=f"ipc://{tmp_path}/no/such/folder",
            subscribers_endpoint=f"ipc://{tmp_path}/s",
        )  # fmt: skip
    again = context.socket(zmq.PUB)
    again.bind(f"ipc://{tmp_path}/s")
    again.close(0)
