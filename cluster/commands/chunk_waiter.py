"""Waits for all of a gathered answer, on the running event loop."""

from __future__ import annotations

import asyncio

from cluster.commands.member_chunks import MemberChunks, Members
from cluster.errors import ClusterError


class ChunkWaiter:
    """Of one request."""

    def __init__(self, gathering: MemberChunks) -> None:
        self._gathering = gathering
        self._heard = asyncio.Event()
        self._error: ClusterError | None = None
        self._waiting = False

    def take(self, name: str, data: bytes) -> None:
        """An event of the session. A READY, for who is told of such: another one has begun."""
        gathering = self._gathering
        if self._error is not None or gathering.complete:
            return
        if name == "READY" and self._waiting:  # else the command is sent after it
            cause = "the session that was asked for members is lost"
            self._error = ClusterError(cause, "ask again")
        before = gathering.progress
        try:
            gathering.take(name, data)
        except ClusterError as error:
            self._error = error
        if self._error is not None or gathering.progress != before:
            self._heard.set()

    async def wait(self, patience: float) -> Members:
        """All of it; the next chunk may take so many seconds. Raises what Gathering raises, and
        ClusterError when none comes. The request was sent."""
        self._waiting = True
        while not self._gathering.complete:
            try:
                async with asyncio.timeout(patience):
                    await self._heard.wait()
            except TimeoutError:
                raise self._too_late(patience) from None
            self._heard.clear()
            if self._error is not None:
                raise self._error
        return self._gathering.result()

    def _too_late(self, patience: float) -> ClusterError:
        here, of = self._gathering.progress
        cause = f"no chunk of members came for {patience:g} s"
        if of is None:
            return ClusterError(f"{cause}, none is here", "is the account in this guild?")
        return ClusterError(
            f"{cause}, {here} of {of} are here",
            "ask again; a GatewayClient reads only so far ahead of who takes its events",
        )
