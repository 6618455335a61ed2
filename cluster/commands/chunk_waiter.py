"""ChunkWaiter: waits for all chunks of members that answer a request, on the running event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from cluster.commands.member_chunks import MemberChunks, Members
from cluster.errors import ClusterError

OnChunk = Callable[[int, int], None]


class ChunkWaiter:
    """Waits for the answer to one request."""

    def __init__(self, chunks: MemberChunks, on_chunk: OnChunk | None = None) -> None:
        """on_chunk: called when a chunk came, with how many are here and of how many."""
        self._chunks = chunks
        self._on_chunk = on_chunk
        self._heard = asyncio.Event()
        self._error: ClusterError | None = None
        self._waiting = False

    def take(self, name: str, data: bytes) -> None:
        """Take in an event of the session. A READY tells that another session has begun."""
        chunks = self._chunks
        if self._error is not None or chunks.complete:
            return
        if name == "READY" and self._waiting:  # else the command is sent after it
            cause = "the session that was asked for members is lost"
            self._error = ClusterError(cause, "ask again")
        before = chunks.progress
        try:
            chunks.take(name, data)
        except ClusterError as error:
            self._error = error
        if self._error is not None or chunks.progress != before:
            self._heard.set()
        received, expected = chunks.progress
        if self._on_chunk is not None and expected is not None and chunks.progress != before:
            self._on_chunk(received, expected)

    async def wait(self, patience: float) -> Members:
        """Return the whole answer; the request was sent. The next chunk may take so many seconds.
        Raises what MemberChunks raises, and ClusterError when none comes."""
        self._waiting = True
        while not self._chunks.complete:
            try:
                async with asyncio.timeout(patience):
                    await self._heard.wait()
            except TimeoutError:
                raise self._too_late(patience) from None
            self._heard.clear()
            if self._error is not None:
                raise self._error
        return self._chunks.result()

    def _too_late(self, patience: float) -> ClusterError:
        received, expected = self._chunks.progress
        guild = self._chunks.guild_id
        cause = f"no chunk of members of guild {guild} came for {patience:g} s"
        if expected is None:
            return ClusterError(
                f"{cause}, none is here",
                f"either the account is not in guild {guild}, of which Discord tells nothing, or "
                "Discord is slow: ask again with more patience",
            )
        return ClusterError(
            f"{cause}, {received} of {expected} are here",
            "ask again; a GatewayClient reads only so far ahead of who takes its events",
        )
