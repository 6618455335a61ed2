"""A subscriber that is slow costs others nothing and the hub little, and keeps its own bound."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import zmq

from benchmarks.children import rss_bytes
from cluster.journal import Journal, ShardState
from cluster.wire.batch_writer import ShardWriter
from coordinator.hub.hub import SUBSCRIBER_HWM

STORE = "0123456789abcdef"
MIB = 1024 * 1024
HUB = """
import sys, zmq
from coordinator.hub.hub import Hub
context = zmq.Context()
hub = Hub(context, workers_endpoint=sys.argv[1], subscribers_endpoint=sys.argv[2])
print("ready", flush=True)
sys.stdin.read()
hub.close()
context.destroy(0)
"""
READER = """
import asyncio, json, sys
import cluster.subscriber.subscriber
from benchmarks.children import rss_bytes
cluster.subscriber.subscriber.STALL_SECONDS = 0.05  # nobody publishes here
import os

async def main():
    bound = int(sys.argv[2])
    async with cluster.subscriber.Subscriber(
        "ipc:///nowhere", start="oldest", replay=sys.argv[1], max_bytes=bound
    ) as subscriber:
        before = rss_bytes(os.getpid())
        steady, seqs, most = 0, [], before
        async with asyncio.timeout(60):
            while steady < 20:  # it is full when nothing more is asked for
                answers = subscriber.progress().replays
                await asyncio.sleep(0.02)
                steady = steady + 1 if subscriber.progress().replays == answers > 0 else 0
                most = max(most, rss_bytes(os.getpid()))
            async for item in subscriber:
                if isinstance(item, cluster.subscriber.Stalled):
                    continue  # no watermark comes here; beside other work that is noticed
                seqs.append(item.seq)
                if len(seqs) % 1000 == 0:
                    most = max(most, rss_bytes(os.getpid()))
                    await asyncio.sleep(0)
                if item.seq == int(sys.argv[3]):
                    break
    print(json.dumps({"grew": most - before, "count": len(seqs), "ordered": seqs == sorted(seqs)}))

asyncio.run(main())
"""


def test_one_that_never_reads_costs_the_hub_its_high_water_mark_and_the_others_nothing(
    tmp_path: Path,
) -> None:
    workers, events = f"ipc://{tmp_path}/h", f"ipc://{tmp_path}/s"
    hub = subprocess.Popen(
        [sys.executable, "-c", HUB, workers, events], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert hub.stdout is not None
    hub.stdout.readline()
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    try:
        worker = context.socket(zmq.XPUB)
        worker.connect(workers)
        worker.recv()
        fast = context.socket(zmq.SUB)
        silent = [context.socket(zmq.SUB) for _ in range(3)]
        for socket in (fast, *silent):
            socket.setsockopt(zmq.RCVHWM, 1)
            socket.subscribe(b"")
            socket.connect(events)
        while not all(socket.poll(10) for socket in (fast, *silent)):
            worker.send(b"hello")  # until all of them are there
        while fast.poll(100):
            fast.recv()
        before = rss_bytes(hub.pid)
        message = b"A.0.\0" + b"x" * 20_000
        for _ in range(4 * SUBSCRIBER_HWM // 10):
            for _ in range(10):
                worker.send(message)
            for _ in range(10):
                assert fast.poll(60_000), "it gets each one, in its time"
                assert fast.recv() == message
        grew = rss_bytes(hub.pid) - before
        # What waits is shared by the three.
        assert grew < 1.5 * SUBSCRIBER_HWM * len(message), grew
    finally:
        context.destroy(0)
        hub.communicate(timeout=60)


def test_a_subscriber_that_is_not_read_keeps_its_bound_and_loses_nothing(tmp_path: Path) -> None:
    bound, count, drain = 8 * MIB, 60_000, 500
    journal = Journal.open(
        tmp_path / "journal" / "slot-0", budget_bytes=64 * MIB, slot=0, cluster=STORE,
        boot_id="boot",
    )  # fmt: skip
    writer = ShardWriter(STORE, ShardState(shard_id=0, shard_count=1))
    writer.begin_epoch(1)
    for start in range(0, count, drain):
        events = [("AB"[seq % 2], seq, b"x" * 600) for seq in range(start, start + drain)]
        journal.append(0, writer.drain(events, 1), writer.state)
        journal.flush()
    endpoint = f"ipc://{tmp_path}/r"
    spec = {"endpoint": endpoint, "journals": str(tmp_path / "journal"), "cluster": STORE}
    server = subprocess.Popen(
        [sys.executable, "-m", "coordinator.replay.server"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert server.stdin is not None
    assert server.stdout is not None
    server.stdin.write(json.dumps(spec))
    server.stdin.close()
    server.stdout.readline()
    try:
        command = [sys.executable, "-c", READER, endpoint, str(bound), str(count - 1)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=80, check=False)
        assert done.returncode == 0, done.stderr
        found = json.loads(done.stdout)
    finally:
        server.terminate()
        server.wait(60)
        journal.close()
    assert (found["count"], found["ordered"]) == (count, True)
    # 51 MiB with what an event takes beside its data; the answers that are being read are said to
    # come on top.
    assert found["grew"] < bound + 16 * MIB, found
