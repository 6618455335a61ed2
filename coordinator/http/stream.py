"""The page's stream: a picture of the cluster each second, as server-sent events.

A reader that does not read gets no picture until it does: the next one is made when the last has
left, so it costs one picture of memory. Source: HTML standard, "Server-sent events".
"""

from __future__ import annotations

import asyncio
import json
from typing import Final

import msgspec
from aiohttp import web

from cluster.errors import ClusterError
from coordinator.http.picture import picture
from coordinator.http.snapshots import Snapshot, Snapshots

EVERY_S: Final = 1.0
MOST_READERS: Final = 32
RETRY_MS: Final = 2000
"""How soon a page that lost its stream asks again."""
_encode = msgspec.json.Encoder().encode


class PictureStream:
    """Sends pictures to all pages that are open."""

    def __init__(self, snapshots: Snapshots, *, may_change: bool) -> None:
        """may_change: whether there is a token for the page's buttons."""
        self._snapshots = snapshots
        self._may_change = may_change
        self._readers = 0
        self._drawn: tuple[Snapshot, bytes] | None = None

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Send until the reader goes away."""
        if self._readers >= MOST_READERS:
            return web.Response(status=503, text="so many pages are open: close one\n")
        self._readers += 1
        try:
            response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
            request["prepare"](response)
            await response.prepare(request)
            await response.write(b"retry: %d\n\n" % RETRY_MS)
            while True:
                await response.write(await self._event())
                await asyncio.sleep(EVERY_S)
        finally:
            self._readers -= 1

    async def _event(self) -> bytes:
        try:
            snapshot = await self._snapshots.get()
        except ClusterError as error:
            return b"event: away\ndata: %s\n\n" % json.dumps(str(error)).encode()
        if self._drawn is None or self._drawn[0] is not snapshot:
            data = _encode(picture(snapshot.status, may_change=self._may_change))
            self._drawn = (snapshot, b"event: picture\ndata: %s\n\n" % data)
        return self._drawn[1]
