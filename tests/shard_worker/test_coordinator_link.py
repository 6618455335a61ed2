"""A worker's link to its coordinator."""

from __future__ import annotations

import asyncio
from pathlib import Path

import zmq

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
