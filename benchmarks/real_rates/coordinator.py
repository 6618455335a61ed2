"""``python -m benchmarks.real_rates.coordinator``: a coordinator, with played workers or real ones.

Reads its settings as a line of JSON: the coordinator's ``spec``, and whether its workers are
``played`` (played_workers.py, in one process for all of them). Says when it has started, ends with
standard input.
"""

from __future__ import annotations

import asyncio
import base64
import logging
import sys
from typing import Any

import msgspec

from benchmarks.children import say
from cluster.config.coordinator_spec import CoordinatorSpec
from cluster.own_process import prepare
from coordinator.coordinator import Coordinator
from coordinator.engines import Engine, WorkerProcess


class PlayedProcess:
    """A played worker as the supervisor sees it: it ends when it is told to."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.heard_since = float("-inf")
        self.stopped_for = ""
        self._ended = asyncio.Event()

    async def wait(self) -> int | None:
        await self._ended.wait()
        return 0

    def terminate(self) -> None:
        self._ended.set()

    def kill(self) -> None:
        self._ended.set()

    def last_words(self) -> str:
        return ""


class PlayedEngine:
    """Starts workers by telling the process that plays them all."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def start(self, slot: int, spec: bytes) -> WorkerProcess:
        assert self._process.stdin is not None
        self._process.stdin.write(base64.b64encode(spec) + b"\n")
        await self._process.stdin.drain()
        return PlayedProcess(self._process.pid)


async def main() -> None:
    """Run until standard input ends."""
    settings = msgspec.json.decode(sys.stdin.readline(), type=dict[str, Any])
    spec = msgspec.convert(settings["spec"], CoordinatorSpec)
    players: asyncio.subprocess.Process | None = None
    engine: Engine | None = None
    if settings["played"]:
        players = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "benchmarks.real_rates.played_workers",
            stdin=asyncio.subprocess.PIPE,
        )  # fmt: skip
        engine = PlayedEngine(players)
    try:
        async with Coordinator(spec, engine=engine) as coordinator:
            say({"control": spec.paths.control})
            await asyncio.to_thread(sys.stdin.read)
            coordinator.request_stop()
    finally:
        if players is not None:
            assert players.stdin is not None
            players.stdin.close()
            await players.wait()


if __name__ == "__main__":
    prepare()
    logging.basicConfig(level=logging.ERROR)  # played workers are never told to stop in time
    asyncio.run(main())
