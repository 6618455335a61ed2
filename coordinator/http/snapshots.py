"""The coordinator's status, asked for once for all who want it within a second."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import msgspec

from cluster.errors import ClusterError
from cluster.wire.status import ClusterStatus

FRESH_S: Final = 1.0
"""Seconds for which a status is given to whoever asks; workers report once a second."""

_encode = msgspec.json.Encoder().encode


class Snapshot(msgspec.Struct, frozen=True):
    """A status, and its JSON, which is made once for all readers."""

    status: ClusterStatus
    json: bytes
    at: float
    """When it was had (the clock's seconds)."""


class Snapshots:
    """Asks the coordinator only while somebody reads, and never twice at a time."""

    def __init__(
        self, ask: Callable[[], Awaitable[ClusterStatus]], clock: Callable[[], float]
    ) -> None:
        """ask: returns the status; ClusterError where the coordinator does not answer. clock:
        monotonic seconds."""
        self._ask = ask
        self._clock = clock
        self._asking: asyncio.Task[Snapshot] | None = None
        self._last: Snapshot | None = None
        self._failure: tuple[float, ClusterError] | None = None

    async def get(self) -> Snapshot:
        """Return a status that is at most FRESH_S old. Raises ClusterError where there is none; it
        is kept for as long, so that who asks often does not ask the coordinator often."""
        now = self._clock()
        if self._last is not None and now - self._last.at < FRESH_S:
            return self._last
        if self._failure is not None and now - self._failure[0] < FRESH_S:
            raise self._failure[1]
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._fetch(), name="status")
        # One reader that goes away takes the answer from no other.
        return await asyncio.shield(self._asking)

    async def _fetch(self) -> Snapshot:
        try:
            status = await self._ask()
        except ClusterError as error:
            self._failure = (self._clock(), error)
            raise
        self._last = Snapshot(status, _encode(status), self._clock())
        self._failure = None
        return self._last
