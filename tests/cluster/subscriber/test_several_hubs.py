"""A subscriber of two hubs: a shard that moves from one to the other, and a cluster that is started
again with another number of them."""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from cluster.endpoints.paths import Running
from cluster.subscriber import Event, Subscriber
from cluster.wire import watermark
from cluster.wire.position import ShardKey
from tests.cluster.subscriber.delivery_rig import STORE, DeliveryRig, delivery_rig

WITHIN_S = 60.0


async def take(subscriber: Subscriber, count: int) -> list[tuple[str, int]]:
    """Return the names and seqs of the next events; nothing else may come between."""
    found = []
    for _ in range(count):
        item = await anext(subscriber)
        assert isinstance(item, Event), item
        found.append((item.name, item.seq))
    return found


async def joined(rig: DeliveryRig, subscriber: Subscriber) -> None:
    """Wait until it hears the first hub."""
    rig.emit(0, "A")
    await take(subscriber, 1)


def test_a_shard_that_moves_to_another_hub_stays_in_order() -> None:
    async def main() -> None:
        async with delivery_rig() as rig, asyncio.timeout(WITHIN_S):
            rig.emit(0, "A")
            with rig.several_hubs() as publish:
                hubs = (rig.events, rig.other_events)
                async with Subscriber(hubs, replay=rig.replay) as subscriber:
                    await joined(rig, subscriber)
                    # What its new worker publishes there overtakes the tail of the old one's.
                    drains = [rig.unpublished(0, *names) for names in ("AB", "BA", "CA", "B")]
                    for drain in reversed(drains[1:]):
                        publish(drain)
                    rig.publisher._cursor -= len([m for drain in drains for m in drain])
                    rig.publisher.wake()
                    first = rig.writer(0).state.seq - 6
                    assert await take(subscriber, 7) == [
                        (name, first + number) for number, name in enumerate("ABBACAB")
                    ]
                    rig.emit(0, "C")
                    assert await take(subscriber, 1) == [("C", first + 7)]
                    assert subscriber.progress().gaps == 0

    asyncio.run(main())


def test_a_worker_that_was_replaced_takes_no_shard_back() -> None:
    """It is another slot's, and names what it had: the slot that has it now is the one to miss."""

    async def main() -> None:
        async with delivery_rig() as rig, asyncio.timeout(WITHIN_S):
            rig.emit(0, "A")
            with rig.several_hubs() as publish:
                hubs = (rig.events, rig.other_events)
                async with Subscriber(hubs, replay=rig.replay) as subscriber:
                    await joined(rig, subscriber)
                    detector = subscriber._stall_detector
                    while ShardKey(2, 0) not in detector._shards:  # noqa: ASYNC110  # read elsewhere
                        await asyncio.sleep(0.01)
                    row = watermark.Row(0, 2, 1, None, 0, -1, [("A", 0)])
                    while 7 not in detector.slots:
                        publish([watermark.encode(STORE, 7, 1, True, [row])])
                        await asyncio.sleep(0.01)
                    assert detector._shards[ShardKey(2, 0)] == 0

    asyncio.run(main())


@pytest.fixture
def cluster_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The state folder of a cluster that looks as if it ran: it holds its lock."""
    monkeypatch.setenv("DCGW_STATE_DIR", str(tmp_path))
    monkeypatch.setenv("DCGW_RUNTIME_DIR", str(tmp_path / "runtime"))
    folder = tmp_path / "x"
    folder.mkdir()
    lock = os.open(folder / "coordinator.lock", os.O_RDWR | os.O_CREAT)
    fcntl.flock(lock, fcntl.LOCK_EX)
    yield folder
    os.close(lock)


def started(folder: Path, rig: DeliveryRig, *hubs: str) -> None:
    """Say what a coordinator says of itself when it was started with these hubs."""
    running = Running(
        name="x", pid=1, started_at=1.0, state_dir=str(folder), control_endpoint="ipc:///x",
        hub_endpoint=hubs[0], hub_endpoints=list(hubs), replay_endpoint=rig.replay,
    )  # fmt: skip
    draft = folder / "running.new"
    draft.write_bytes(msgspec.json.encode(running))
    draft.replace(folder / "running.json")


async def connected(subscriber: Subscriber, *hubs: str) -> None:
    """Wait until it reads these hubs."""
    reader = subscriber._reader
    assert reader is not None
    while reader.endpoints != hubs:  # noqa: ASYNC110  # its clock changes it
        await asyncio.sleep(0.01)


def test_one_that_reads_on_hears_the_hubs_of_the_next_start(
    cluster_of: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cluster.subscriber.subscriber.FOLLOW_SECONDS", 0.02)

    async def main() -> None:
        async with delivery_rig() as rig, asyncio.timeout(WITHIN_S):
            rig.emit(0, "A")
            started(cluster_of, rig, rig.events)
            with rig.several_hubs() as publish:
                async with Subscriber() as subscriber:
                    await joined(rig, subscriber)
                    started(cluster_of, rig, rig.events, rig.other_events)
                    await connected(subscriber, rig.events, rig.other_events)
                    messages = rig.unpublished(0, "B")
                    heard = asyncio.ensure_future(take(subscriber, 1))
                    while not heard.done():
                        publish(messages)
                        await asyncio.wait({heard}, timeout=0.02)
                    assert await heard == [("B", rig.writer(0).state.seq)]
                    started(cluster_of, rig, rig.events)
                    await connected(subscriber, rig.events)
                    rig.emit(0, "C")
                    assert await take(subscriber, 1) == [("C", rig.writer(0).state.seq)]

    asyncio.run(main())
