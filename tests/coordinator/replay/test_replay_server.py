"""The replay server as a process, while the journal is written, and when its writer is gone."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import zmq

from benchmarks.children import rss_bytes
from cluster.journal import Journal, ShardState
from cluster.subscriber.chain import RangeAsk
from cluster.subscriber.replay_client import NoAnswerError, ReplayClient
from cluster.wire import replay
from cluster.wire.batch_writer import ShardWriter
from coordinator.replay.fair_queue import WAITING_EACH

STORE = "0123456789abcdef"


def start(tmp_path: Path) -> subprocess.Popen[str]:
    """Start a replay server at ``tmp_path``/r, and return it when it is ready."""
    process = subprocess.Popen(
        [sys.executable, "-m", "coordinator.replay.server"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    endpoint, journals = f"ipc://{tmp_path}/r", str(tmp_path / "journal")
    spec = {"endpoint": endpoint, "journals": journals, "cluster": STORE}
    process.stdin.write(json.dumps(spec))
    process.stdin.close()
    process.stdin = None
    assert json.loads(process.stdout.readline()) == {"ready": True}
    return process


@pytest.fixture
def process(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    process = start(tmp_path)
    yield process
    process.terminate()
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    assert "Traceback" not in errors


@pytest.fixture
def server(process: subprocess.Popen[str], tmp_path: Path) -> str:
    return f"ipc://{tmp_path}/r"


def journal(tmp_path: Path, slot: int, budget: int = 1 << 20) -> Journal:
    return Journal.open(
        tmp_path / "journal" / f"slot-{slot}", budget_bytes=budget, slot=slot, cluster=STORE,
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
            held.flush()
        lost = writer.drain([("A", 6, b"")], 1)
        second.append(0, writer.drain([("B", 7, b"")], 1), writer.state)
        second.flush()
        assert lost
        (row,) = (await client.heads()).shards
        assert (row.shard_id, row.epoch, row.seq, row.oldest) == (0, 1, 7, (1, 0))

        answer = await client.range(4, 0, RangeAsk(1, -1, None), ["A"])
        assert [e.seq for _, batch in answer.batches for e in batch.events] == [0, 2, 4]
        assert (answer.reached, answer.gone, answer.more) == (7, [(6, 6)], False)
        ahead = await client.range(4, 0, RangeAsk(1, 7, 9), None)
        assert (ahead.reached, ahead.gone, ahead.batches) == (7, [], []), "not yet"
        second.close()
        first.close()
        again = await client.range(4, 0, RangeAsk(1, 1, 5), None)
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
            assert socket.poll(60_000)
            *address, refusal = socket.recv_multipart()
            assert b"refused" in refusal
            assert address == nonsense[:-1][:1], "what stands before a question is an address"
        socket.close(0)
        client = ReplayClient(context, server)
        assert (await client.heads()).cluster == STORE
        client.close()
        context.term()

    asyncio.run(run())


def test_a_server_that_dies_is_asked_again_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cluster.subscriber.replay_client.ANSWER_SECONDS", 60.0)

    async def run() -> None:
        context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        first = start(tmp_path)
        client = ReplayClient(context, f"ipc://{tmp_path}/r")
        await client.heads()
        first.send_signal(signal.SIGSTOP)
        asked = [asyncio.ensure_future(client.heads()) for _ in range(2)]
        await asyncio.sleep(0)
        first.kill()
        async with asyncio.timeout(60):
            for question in asked:
                with pytest.raises(NoAnswerError, match="went away"):
                    await question
            second = await asyncio.to_thread(start, tmp_path)
            assert (await client.heads()).cluster == STORE
        client.close()
        for process in (first, second):
            process.kill()
            process.communicate()
        context.term()

    asyncio.run(run())


def test_one_who_asks_and_does_not_read_costs_the_others_nothing(
    process: subprocess.Popen[str], server: str, tmp_path: Path
) -> None:
    held = journal(tmp_path, 0, 8 << 20)
    writer = ShardWriter(STORE, ShardState(shard_id=0, shard_count=1))
    writer.begin_epoch(1)
    for seq in range(60):
        held.append(0, writer.drain([("A", seq, b"x" * 100_000)], 1), writer.state)
        held.flush()

    def question(number: int, upto: int) -> bytes:
        return replay.encode(
            replay.RangeRequest(
                id=number, shard_count=1, shard_id=0, epoch=1, after=-1, upto=upto, names=None
            )
        )

    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    modest = context.socket(zmq.DEALER)
    modest.connect(server)
    modest.send(question(0, 0))
    modest.recv()
    before = rss_bytes(process.pid)
    greedy = []
    for _ in range(4):
        socket = context.socket(zmq.DEALER)
        socket.setsockopt(zmq.RCVHWM, 1)
        socket.connect(server)
        for number in range(WAITING_EACH):
            socket.send(question(number, 59))
        greedy.append(socket)
    for number in range(300):
        modest.send(question(number, 0))
        assert modest.poll(60_000), "it is answered while the others fill their pipes, and after"
        answer = replay.decode_response.decode(modest.recv())
        assert isinstance(answer, replay.RangeAnswer)
        assert answer.id == number
    # Each slice is a MiB: four in the socket, one that waits; the last question of 64 is not lost.
    assert rss_bytes(process.pid) - before < 4 * 8 << 20
    got = [replay.decode_response.decode(greedy[0].recv()).id for _ in range(WAITING_EACH)]
    assert got == list(range(WAITING_EACH))
    context.destroy(0)
    held.close()
