"""The replay server as a child of the coordinator, started again when it ends.

It reads files that damaged storage can turn into a SIGBUS, which is why it is a process apart.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Self

import msgspec

from cluster.wire.places import Places
from coordinator.engines.local import LocalProcess, module_command
from coordinator.kept_process import KeptProcess


class ReplayProcess(KeptProcess):
    """Keeps one replay server running while `run` does."""

    def __init__(
        self,
        command: Sequence[str],
        spec: bytes,
        logs: Path,
        *,
        clock: Callable[[], float],
        stop_s: float,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """spec: for its standard input. stop_s: how long it may take to stop before SIGKILL."""
        start = partial(LocalProcess.start, command, spec, logs / "replay.log")
        super().__init__("replay server", start, clock=clock, stop_s=stop_s, sleep=sleep)

    @classmethod
    def of(cls, places: Places, store_id: str, clock: Callable[[], float], stop_s: float) -> Self:
        """That of a cluster. Its module is not imported: what maps journals stays out of this
        process."""
        spec = {
            "endpoint": places.replay,
            "journals": str(places.journals),
            "cluster": store_id,
            "parent": os.getpid(),
        }
        command = module_command("coordinator.replay_server")
        return cls(command, msgspec.json.encode(spec), places.logs, clock=clock, stop_s=stop_s)
