"""Clients of the gateway proxy in a chaos run, and their audits.

They run in the driver's own process: what ends with a process, the connection and what the client
knew, is ended just so.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Final

from tests.chaos.judgement.proxied import ProxiedAudit
from tests.chaos.judgement.runs import Truth
from tests.clients.bots.raw_client import RawClient

STORED_S: Final = 3.0
"""Seconds after which a proxy has stored what a client acknowledged, on a busy machine too."""


class ProxiedClient:
    """One client of the proxy, from ``start`` to ``close``."""

    def __init__(
        self, who: str, url: str, token: str, truth: Truth, proxy: Callable[[], int | None]
    ) -> None:
        """proxy: returns the pid of the proxy's process."""
        self.audit = ProxiedAudit(who, truth)
        self.client = RawClient(url, token, self._received, compress=True)
        self.client.on_begin = self._begins
        self._proxy = proxy
        self._met: int | None = None
        """The proxy's process that it was connected to last."""
        self._running: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._running = asyncio.create_task(self.client.run())

    async def close(self) -> None:
        if self._running is not None:
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)

    def cut(self) -> None:
        """Its connection is lost; it resumes."""
        self.client.cut()

    def die(self, away_s: float) -> None:
        """Its process is killed, and started again after so many seconds: it knows of no
        session."""
        self.client.cut(away_s)
        self.client.forget()

    def lacks(self, until: float) -> str:
        """What it should have had by this moment (Unix seconds), in words; empty: nothing."""
        if (content := self.audit.unknown(until)) is not None:
            return f"{self.audit.who} got what no shard had: {content}"
        if due := self.audit.due(until):
            contents = [(*spot, self.audit.truth.contents[spot][0]) for spot in due[:3]]
            return f"{self.audit.who} lacks {len(due)}: {contents} ..."
        return ""

    def jumps(self) -> list[str]:
        """Where s did not go up by one since the last call, in words."""
        found, self.client.jumps = self.client.jumps, []
        return found

    def _begins(self) -> None:
        """It is about to identify or to resume: what the proxy knows of it may be older."""
        met, self._met = self._met, self._proxy()
        if self.client.session_id and met == self._met:
            return
        if met is not None:
            before_s = 0.0 if met == self._met else STORED_S
            self.audit.identified(self.client.acknowledged(before_s))

    def _received(self, name: str, digest: str, data: bytes) -> None:
        if self.client.ready.is_set():
            self.audit.began(time.time())
        self.audit.take(self.client.seq or 0, name, digest, time.time())
