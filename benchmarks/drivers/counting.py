"""What the drivers of Python libraries share: settings in, counts out.

A driver reads one line of JSON from standard input, and writes ``{"ready": true}`` once its library
calls itself ready and ``{"count": n}`` for every count that its settings name, of all sessions
together. It ends when its standard input does.
"""

from __future__ import annotations

import asyncio
import json
import os
import ssl
import sys
from collections.abc import Awaitable, Callable
from typing import Any


class Counter:
    """The settings of a driver, and how many dispatches its handler got."""

    def __init__(self) -> None:
        line = b""
        while not line.endswith(b"\n") and (byte := os.read(sys.stdin.fileno(), 1)):
            line += byte
        self.settings: dict[str, Any] = json.loads(line)
        self.sessions: int = self.settings.get("sessions", 1)
        self._counts = list(self.settings["counts"])
        self._next = self._counts.pop(0)
        self._count = 0

    def tls(self) -> ssl.SSLContext:
        """Return a context that trusts the gateway's authority and nothing else."""
        return ssl.create_default_context(cafile=self.settings["ca_file"])

    def count(self) -> None:
        """Count a dispatch of the stream, which reached the handler."""
        self._count += 1
        if self._count == self._next:
            say({"count": self._count})
            self._next = self._counts.pop(0) if self._counts else -1

    async def until_input_ends(self, close: Callable[[], Awaitable[None]]) -> None:
        """Wait until standard input ends, then close the client."""
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        await reader.read()
        await close()


def say(message: dict[str, Any]) -> None:
    print(json.dumps(message), flush=True)
