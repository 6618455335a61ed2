"""The replay server as a process, while the journal is written, and when its writer is gone."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import zmq

from cluster.chain import Ask
from cluster.journal import Journal, ShardState
from cluster.replay_client import ReplayClient
from cluster.wire.batch import ShardWriter

STORE = "0123456789abcdef"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    endpoint = f"ipc://{tmp_path}/r"
    process = subprocess.Popen(
        [sys.executable, "-m", "coordinator.replay_server"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    spec = {"endpoint": endpoint, "journals": str(tmp_path / "journal"), "cluster": STORE}
    process.stdin.write(json.dumps(spec))
    process.stdin.close()
    process.stdin = None
    assert json.loads(process.stdout.readline()) == {"ready": True}
    yield endpoint
    process.terminate()
    _, errors = process.communicate(timeout=10)
    assert process.returncode == 0, errors
    assert "Traceback" not in errors


def journal(tmp_path: Path, slot: int) -> Journal:
    return Journal.open(
        tmp_path / "journal" / f"slot-{slot}", budget_bytes=1 << 20, slot=slot, cluster=STORE,
        boot_id="boot",
    )  # fmt: skip


def test_ranges_heads_and_what_is_not_yet_or_gone(server: str, tmp_path: Path) -> None:
    async def run() -> None:
        context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        client = ReplayClient(context, server)
        assert (await client.heads()).shards == []
        first, second = journal(tmp_path, 0), journal(tmp_path, 1)
        writer = ShardWriter(STORE, ShardState(shard_id=0, shard_count=4))
        writer.begin_epoch(1)
        for held in (first, first, second):  # The shard moved from slot 0 to slot 1.
            seq = writer.state.seq + 1
            held.append(0, writer.drain([("A", seq, b""), ("B", seq + 1, b"")], 1), writer.state)
        lost = writer.drain([("A", 6, b"")], 1)
        second.append(0, writer.drain([("B", 7, b"")], 1), writer.state)
        assert lost
        (row,) = (await client.heads()).shards
        assert (row.shard_id, row.epoch, row.seq, row.oldest) == (0, 1, 7, (1, 0))

        answer = await client.range(4, 0, Ask(1, -1, None), ["A"])
        assert [e.seq for _, batch in answer.batches for e in batch.events] == [0, 2, 4]
        assert (answer.reached, answer.gone, answer.more) == (7, [(6, 6)], False)
        ahead = await client.range(4, 0, Ask(1, 7, 9), None)
        assert (ahead.reached, ahead.gone, ahead.batches) == (7, [], []), "not yet"
        second.close()
        first.close()
        again = await client.range(4, 0, Ask(1, 1, 5), None)
        assert [b.last for _, b in again.batches] == [3, 3, 5, 5], "the workers are down"
        client.close()
        context.term()

    asyncio.run(run())


def test_nonsense_is_refused_and_it_goes_on(server: str) -> None:
    async def run() -> None:
        context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        socket = context.socket(zmq.DEALER)
        socket.connect(server)
        for nonsense in ([b"\xff" * 50], [b""], [b"a", b"b"], [b"a", b"b", b"c"], [b"\x81" * 3000]):
            socket.send_multipart(nonsense)
            assert socket.poll(5000)
            *address, refusal = socket.recv_multipart()
            assert b"refused" in refusal
            assert address == nonsense[:-1][:1], "what stands before a question is an address"
        socket.close(0)
        client = ReplayClient(context, server)
        assert (await client.heads()).cluster == STORE
        client.close()
        context.term()

    asyncio.run(run())
