"""The page's stream: a picture of the cluster each second, as server-sent events.

A page gets the whole picture first, and then what has changed. A reader that does not read gets
nothing until it does, and then the whole picture: it costs one event of memory. Source: HTML
standard, "Server-sent events".
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import Final

from aiohttp import web

from cluster.errors import BusyError, ClusterError
from coordinator.http import answers
from coordinator.http.album import Album
from coordinator.http.history import History
from coordinator.http.picture import picture
from coordinator.http.snapshots import Snapshot, Snapshots

EVERY_S: Final = 1.05
"""A little more than a status is kept for, so that each look finds a new one."""
MOST_READERS: Final = 32
RETRY_MS: Final = 2000
"""How soon a reader that lost its stream asks again, if it is an EventSource."""


class PictureStream:
    """Sends pictures to all pages that are open."""

    def __init__(self, snapshots: Snapshots, history: History, *, may_change: bool) -> None:
        """may_change: whether there is a token for the page's buttons."""
        self._snapshots = snapshots
        self._history = history
        self._may_change = may_change
        self._readers = 0
        self._ended = asyncio.Event()
        self._album = Album()
        self._newest: Snapshot | None = None
        """The status of which the newest picture was made."""
        self._making = asyncio.Lock()
        """Held while a picture is made: one for all readers."""

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Send until the reader goes away."""
        if self._readers >= MOST_READERS:
            error = BusyError(f"{MOST_READERS} pages are open, which is all there may be")
            return answers.failed(503, error)
        self._readers += 1
        headers = {**answers.HEADERS, "Content-Type": "text/event-stream"}
        response = web.StreamResponse(headers=headers)
        try:
            await response.prepare(request)
            await response.write(b"retry: %d\n\n" % RETRY_MS)
            seen = 0
            while not self._ended.is_set():
                event, seen = await self._next(seen)
                await response.write(event)
                await self._pause()
        except ConnectionError:
            pass  # it has gone away
        finally:
            self._readers -= 1
        return response

    def close(self) -> None:
        """Let all readers go: the server ends."""
        self._ended.set()

    async def _pause(self) -> None:
        with contextlib.suppress(TimeoutError):  # the usual: it has not ended
            async with asyncio.timeout(EVERY_S):
                await self._ended.wait()

    async def _next(self, seen: int) -> tuple[bytes, int]:
        """Return the event for a reader that has seen so many pictures, and how many it has seen
        then."""
        try:
            async with self._making:
                await self._take()
        except ClusterError as error:
            return b"event: away\ndata: %s\n\n" % json.dumps(str(error)).encode(), seen
        return self._album.since(seen) or b": nothing new\n\n", self._album.number

    async def _take(self) -> None:
        """Add a picture, if there is a new status. Raises ClusterError."""
        snapshot = await self._snapshots.get()
        if self._newest is snapshot:
            return
        happenings = await self._history.newest()
        self._newest = snapshot
        self._album.add(picture(snapshot.status, happenings, may_change=self._may_change))
