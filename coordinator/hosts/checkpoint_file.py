"""The checkpoints on disk, so that a coordinator that follows another one knows where sessions are
before their workers have told it: they may be lost with their host meanwhile.

Workers acknowledge to Discord only what is in the file: link.Kept tells them, once it is written.
The file has session ids, as the journals of a coordinator's own host have, and is its user's alone.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Final

import msgspec

from cluster import durable
from cluster.decode_errors import MALFORMED, worth_saying
from cluster.endpoints.folders import write_private
from cluster.wire.link import Kept, KeptReport
from cluster.wire.shard_state import ShardState
from coordinator.hosts.checkpoints import Checkpoints

log = logging.getLogger(__name__)

WRITE_S: Final = 2.0
"""Seconds between two writes, where something has changed: 16,384 shards are some 6 MB."""
MAX_REPORTS: Final = 64
"""Most reports of a worker that wait for a write; it has forgotten older ones itself."""


class _Content(msgspec.Struct, frozen=True):
    """The content of the file."""

    cluster: str
    """Store id: positions of another store mean nothing."""
    states: list[ShardState]


_encode = msgspec.msgpack.Encoder().encode
_decoder = msgspec.msgpack.Decoder(_Content)


class CheckpointFile:
    """Reads the file at a start, writes it again and again, and tells workers."""

    def __init__(
        self,
        file: Path,
        cluster: str,
        checkpoints: Checkpoints,
        *,
        tell: Callable[[int, Kept], object],
        shard_counts: Callable[[], Collection[int]],
    ) -> None:
        """cluster: store id. tell: sends a message to the worker of a slot. shard_counts: returns
        those that shards may have."""
        self.trouble = ""
        """Why it can't be written; empty: it can."""
        self._file = file
        self._cluster = cluster
        self._checkpoints = checkpoints
        self._tell = tell
        self._shard_counts = shard_counts
        self._waiting: dict[tuple[int, int], list[KeptReport]] = {}
        """(slot, pid) of a worker -> its reports of which what they told is not on disk yet."""
        self._failures = 0

    def read(self) -> None:
        """Take what the coordinator before this one has left; nothing, if that can't be used."""
        try:
            content = _decoder.decode(self._file.read_bytes())
        except FileNotFoundError:
            return
        except (OSError, *MALFORMED) as error:
            log.error("the checkpoints in %s can't be read: %s", self._file, error)
            return
        if content.cluster == self._cluster:
            self._checkpoints.take(content.states)

    def reported(self, slot: int, pid: int, number: int, unknown: list[int]) -> None:
        """Take note that a worker's report of this number has been taken, and of which of its
        shards no state is known. pid: of the worker's process, which counts its reports anew."""
        reports = self._waiting.setdefault((slot, pid), [])
        reports.append(KeptReport(number, unknown))
        del reports[:-MAX_REPORTS]

    async def run(self) -> None:
        """Write, until cancelled."""
        while True:
            await asyncio.sleep(WRITE_S)
            await self.write()

    async def write(self) -> None:
        """Write what is known now, and tell workers when that is on disk."""
        if not self._waiting:
            return
        waiting, self._waiting = self._waiting, {}
        self._checkpoints.keep(self._shard_counts())
        data = _encode(_Content(self._cluster, list(self._checkpoints.states())))
        try:
            await asyncio.to_thread(_write, self._file, data)
        except OSError as error:
            self._failures += 1
            self.trouble = f"checkpoints can't be written ({error})"
            if worth_saying(self._failures):
                log.error("%s: %s, the %d. time", self._file, error, self._failures)
            for worker, reports in waiting.items():
                self._waiting[worker] = [*reports, *self._waiting.get(worker, ())][-MAX_REPORTS:]
            return
        self.trouble = ""
        for (slot, pid), reports in waiting.items():
            self._tell(slot, Kept(pid=pid, reports=reports))

    def remove(self) -> None:
        """Take the file away: no session is left that it could be of use for."""
        self._file.unlink(missing_ok=True)


def _write(file: Path, data: bytes) -> None:
    draft = file.with_suffix(".new")
    draft.unlink(missing_ok=True)
    write_private(draft, data)
    durable.replace(draft, file)
