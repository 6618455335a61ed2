"""What the drivers of Python libraries share: settings in, counts out.

A driver reads one line of JSON from standard input, and writes ``{"ready": true}`` once its library
calls itself ready and ``{"count": n}`` for every count that it was asked to tell of. It ends when
its standard input does.
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
    """Settings, and how many dispatches the handler got."""

    def __init__(self) -> None:
        line = b""
        while not line.endswith(b"\n") and (byte := os.read(sys.stdin.fileno(), 1)):
            line += byte
        self.settings: dict[str, Any] = json.loads(line)
        self._counts = list(self.settings["counts"])
        self._next = self._counts.pop(0)
        self._count = 0

    def tls(self) -> ssl.SSLContext:
        """Trust in the gateway's authority and nothing else."""
        return ssl.create_default_context(cafile=self.settings["ca_file"])

    def one(self) -> None:
        """A dispatch of the stream reached the handler."""
        self._count += 1
        if self._count == self._next:
            say({"count": self._count})
            self._next = self._counts.pop(0) if self._counts else -1

    async def until_told(self, close: Callable[[], Awaitable[None]]) -> None:
        """Until standard input ends."""
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        await reader.read()
        await close()


def say(message: dict[str, Any]) -> None:
    print(json.dumps(message), flush=True)
