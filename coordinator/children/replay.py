"""The replay server as a child of the coordinator, started again when it ends.

It reads files that damaged storage can turn into a SIGBUS, which is why it is a process apart. It
notes which one it reads (cluster/journal/read_marker.py); the one at which it died by such a signal
is refused from then on, so a damaged journal kills it once.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Final, Self

import msgspec

from cluster.endpoints.paths import ClusterPaths
from cluster.journal.read_marker import NAME, ReadMarker, inodes_of
from coordinator.children.process import LocalProcess, module_command
from coordinator.children.restarting_process import RestartingProcess

log = logging.getLogger(__name__)

DAMAGE_SIGNALS: Final = frozenset({signal.SIGBUS, signal.SIGSEGV, signal.SIGABRT})
"""Signals by which a damaged map kills."""


class ReplayProcess(RestartingProcess):
    """Keeps one replay server running while `run` does."""

    def __init__(
        self,
        command: Sequence[str],
        spec: bytes,
        logs: Path,
        *,
        clock: Callable[[], float],
        stop_s: float,
        journals: Path | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """spec: what is written to its standard input. clock: monotonic seconds. stop_s: how long
        it may take to stop before SIGKILL. journals: the folder of the slots' journal folders."""
        start = partial(
            LocalProcess.start,
            command,
            spec,
            logs / "replay.log",
            stdout=asyncio.subprocess.DEVNULL,
            keep_input=True,
        )
        super().__init__("replay server", start, clock=clock, stop_s=stop_s, sleep=sleep)
        self._journals = journals

    @classmethod
    def for_cluster(
        cls,
        paths: ClusterPaths,
        store_id: str,
        clock: Callable[[], float],
        stop_s: float,
        log: Mapping[str, str] = {},
    ) -> Self:
        """Make the one of a cluster. Its module is not imported: what maps journals stays out of
        this process. log: how it logs (log_settings)."""
        spec = {
            "endpoint": paths.replay,
            "journals": str(paths.journals),
            "cluster": store_id,
            "parent": os.getpid(),
            **log,
        }
        command = module_command("coordinator.replay.server")
        return cls(
            command, msgspec.json.encode(spec), paths.logs, clock=clock, stop_s=stop_s,
            journals=paths.journals,
        )  # fmt: skip

    def unreadable(self) -> list[str]:
        """Return the names of the folders whose journals are refused."""
        if self._journals is None:
            return []
        try:
            with ReadMarker(self._journals / NAME) as marker:
                refused = frozenset(marker.refused)
        except OSError:
            return []  # The server says so in its log.
        return [folder.name for folder, inode in inodes_of(self._journals).items()
                if inode in refused]  # fmt: skip

    def full(self) -> bool:
        """Whether the server has no room for more connections."""
        if self._journals is None or not (self._journals / NAME).exists():
            return False
        try:
            with ReadMarker(self._journals / NAME) as marker:
                return marker.full
        except OSError:
            return False  # The server says so in its log.

    def _ended(self, status: int) -> None:
        """Refuse the journal at which the server died, if a damaged map kills so."""
        number = -status
        if self._journals is None or number not in DAMAGE_SIGNALS:
            return
        try:
            with ReadMarker(self._journals / NAME) as marker:
                inode = marker.now
                if not inode:
                    return
                marker.refuse(inode)
        except OSError as error:
            log.error("what the replay server died of can't be read: %s", error)
            return
        for folder, other in inodes_of(self._journals).items():
            if other == inode:
                log.error(
                    "the replay server died (%s) reading %s: it is damaged, and not read any more; "
                    "what only it holds is gone", signal.Signals(number).name, folder,
                )  # fmt: skip

    def _before_start(self) -> None:
        """Note that the server has not begun to read, and forget the journals that were set
        aside."""
        if self._journals is None or not (self._journals / NAME).exists():
            return
        try:
            with ReadMarker(self._journals / NAME) as marker:
                marker.now = 0
                marker.keep(inodes_of(self._journals).values())
        except OSError as error:
            log.error("what must not be read can't be written down: %s", error)
