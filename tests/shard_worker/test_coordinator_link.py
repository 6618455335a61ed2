"""A worker's link to its coordinator."""

from __future__ import annotations

import asyncio
from pathlib import Path

import zmq
import zmq.asyncio

from cluster.wire import link as wire
from cluster.wire.link import IdentifySent
from shard_worker.coordinator_link import CoordinatorLink


def test_nothing_can_be_said_on_a_link_that_is_closed(tmp_path: Path) -> None:
    """What becomes of an identify may be known only then."""

    async def main() -> None:
        context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        link = CoordinatorLink(context, f"ipc://{tmp_path}/link", 0, lambda _: None)
        link.close()
        assert not link.send(IdentifySent(shard_id=0, grant_id=1))
        context.term()

    asyncio.run(main())


def test_who_only_has_its_reports_answered_has_not_heard_of_its_coordinator(
    tmp_path: Path,
) -> None:
    """A coordinator that has just taken a worker over answers, and waits for its hello."""

    async def main() -> None:
        context = zmq.asyncio.Context()
        router = context.socket(zmq.ROUTER)
        router.bind(f"ipc://{tmp_path}/link")
        taken: asyncio.Queue[wire.ToWorker] = asyncio.Queue()
        link = CoordinatorLink(zmq.Context(context), f"ipc://{tmp_path}/link", 0, taken.put_nowait)
        while not link.send(IdentifySent(shard_id=0, grant_id=1)):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        identity, _ = await router.recv_multipart()
        began = link.heard_at
        for message in (wire.Lease(number=1), wire.Kept(pid=1, reports=[])):
            await router.send_multipart([identity, wire.encode(message)])
            assert await asyncio.wait_for(taken.get(), 10) == message
            assert link.heard_at == began
        await router.send_multipart([identity, wire.encode(wire.Welcome())])
        await asyncio.wait_for(taken.get(), 10)
        assert link.heard_at > began
        link.close()
        router.close(0)
        context.term()

    asyncio.run(main())
