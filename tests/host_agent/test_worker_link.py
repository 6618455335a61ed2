"""The agent's end of the link to its workers: what is no worker's is not passed on."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
import zmq
import zmq.asyncio

from cluster.errors import AlreadyRunningError
from host_agent.worker_link import WorkerLink


def test_only_what_a_worker_says_is_passed_on(folder: Path) -> None:
    async def scenario(context: zmq.asyncio.Context) -> None:
        endpoint = f"ipc://{folder / 'link'}"
        link, said = WorkerLink(context, endpoint), list[tuple[int, bytes]]()
        come = asyncio.Event()

        def on_said(slot: int, data: bytes) -> None:
            said.append((slot, data))
            come.set()

        running = asyncio.create_task(link.run(on_said))
        for identity, frames in (
            (b"rubbish", [b"a"]),
            (b"12345678901", [b"b"]),
            (b"7", [b"c", b"d"]),
            (b"8", [b"e"]),
        ):
            come.clear()
            with context.socket(zmq.DEALER) as socket:
                socket.setsockopt(zmq.IDENTITY, identity)
                socket.connect(endpoint)
                refused = link.refused
                await socket.send_multipart(frames)
                # That a message was refused is told to nobody.
                while link.refused == refused and not come.is_set():  # noqa: ASYNC110
                    await asyncio.sleep(0.005)
        assert (said, link.refused) == ([(8, b"e")], 3)
        assert not link.tell(99, b"nobody is there")
        assert link.untold == 1
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        link.close()

    context = zmq.asyncio.Context()
    try:
        asyncio.run(scenario(context))
    finally:
        context.destroy(0)


def test_a_folder_that_is_not_there(folder: Path) -> None:
    context = zmq.asyncio.Context()

    async def scenario() -> None:
        with pytest.raises(AlreadyRunningError, match="can't be bound"):
            WorkerLink(context, f"ipc://{folder / 'none' / 'link'}")

    try:
        asyncio.run(scenario())
    finally:
        context.destroy(0)
