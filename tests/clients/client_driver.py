"""What the client processes of these tests have in common: receipts, logs, and a line protocol.

A driver is an interpreter of its own around one client library. It reads JSON objects, one a
line, from stdin: first its configuration, then commands. It answers on stdout, one line each:

=============================  ====================================================
``{"do": "wait", "count": n}``  answered when n dispatches (of ``name``, if given) are here
``{"do": "report"}``            receipts, caches, log records from WARNING up, errors
``{"do": "stop"}``              closes the client; the process then ends by itself
=============================  ====================================================

Anything else is handed to the library's own driver. ``{"ready": true}`` comes unasked, once
the library calls itself ready.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import os
import ssl
import sys
import traceback
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, TextIO

_BODY = '"op":0,"d":'
"""Text before d in every dispatch, whose key order is fixed (t, s, op, d)."""


@dataclass
class Receipts:
    """Every dispatch as this process received it, in order of arrival."""

    rows: list[tuple[int, str, int, str, str]] = field(default_factory=list)
    """(shard, session id, s, name, hash of d's bytes), the form of the dispatch ledger."""
    sessions: dict[int, str] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    """Dispatches by name, and all of them under the empty name."""
    trail: int | None = None
    """A file's descriptor, which gets each receipt at once: what a process had when it was killed
    is in it."""
    _waiting: list[tuple[str, int, asyncio.Future[None]]] = field(default_factory=list)

    def frame(self, shard: int, text: str, payload: dict[str, Any]) -> None:
        """Record one gateway payload, given as text and parsed; only dispatches count."""
        if payload["op"] != 0:
            return
        name = payload["t"]
        if name == "READY":
            self.sessions[shard] = payload["d"]["session_id"]
        body = text[text.index(_BODY) + len(_BODY) : -1].encode()
        digest = hashlib.blake2b(body, digest_size=8).hexdigest()
        row = (shard, self.sessions.get(shard, ""), payload["s"], name, digest)
        self.rows.append(row)
        if self.trail is not None:
            os.write(self.trail, json.dumps(row).encode() + b"\n")
        self.counts.update(("", name))
        for waiter in [w for w in self._waiting if self.counts[w[0]] >= w[1]]:
            self._waiting.remove(waiter)
            waiter[2].set_result(None)

    async def reach(self, count: int, name: str = "") -> None:
        """Wait until ``count`` dispatches of ``name`` (empty: of any) have been received."""
        if self.counts[name] < count:
            reached: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append((name, count, reached))
            await reached


class Records(logging.Handler):
    """Log records from WARNING up, as plain data."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.rows: list[dict[str, str]] = []

    def emit(self, record: logging.LogRecord) -> None:
        row = {
            "logger": record.name,
            "level": record.levelname,
            "message": record.getMessage(),
        }
        if record.exc_info:
            row["traceback"] = logging.Formatter().formatException(record.exc_info)
        self.rows.append(row)


class Driver:
    """The loop around a library: start it, obey stdin, report on stdout."""

    def __init__(self) -> None:
        self.config: dict[str, Any] = json.loads(_first_line())
        self.receipts = Receipts()
        if trail := self.config.get("trail"):
            self.receipts.trail = os.open(trail, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self.records = Records()
        self.errors: list[dict[str, str]] = []
        self.commands: dict[str, Callable[[dict[str, Any]], Awaitable[Any]]] = {
            "wait": self._wait,
            "report": self._report,
        }
        self.caches: Callable[[], dict[str, Any]] = dict
        logging.getLogger().addHandler(self.records)
        logging.captureWarnings(True)

    def tls(self) -> ssl.SSLContext:
        """Trust in the sandbox's authority and nothing else; names are checked as always."""
        return ssl.create_default_context(cafile=self.config["ca_file"])

    def error(self, where: str, error: BaseException) -> None:
        """Keep an exception that a library would only have logged or died of."""
        self.errors.append(
            {"where": where, "error": repr(error), "traceback": _trace(error)},
        )

    def say(self, answer: dict[str, Any]) -> None:
        _write(sys.stdout, answer)

    async def serve(self, close: Callable[[], Awaitable[None]], running: asyncio.Task[Any]) -> None:
        """Obey commands until ``stop`` or stdin's end, or until the client ends by itself."""
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(self._loop_error)
        reader = asyncio.StreamReader(limit=1 << 24)
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        while True:
            line_task = asyncio.ensure_future(reader.readline())
            await asyncio.wait({line_task, running}, return_when=asyncio.FIRST_COMPLETED)
            if running.done():
                line_task.cancel()
                self._ended(running)
                return
            command = json.loads(line_task.result() or '{"do": "stop"}')
            if command["do"] == "stop":
                break
            await self._obey(command, running)
        await close()
        await asyncio.wait({running}, timeout=10)
        self.say({"stopped": running.done(), **await self._report({})})

    async def _obey(self, command: dict[str, Any], running: asyncio.Task[Any]) -> None:
        task = asyncio.ensure_future(self.commands[command["do"]](command))
        await asyncio.wait({task, running}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            self.say({"answer": task.result()})
        else:
            task.cancel()

    def _ended(self, running: asyncio.Task[Any]) -> None:
        error = running.exception()
        if error is not None:
            self.error("the client ended", error)
        self.say({"ended": repr(error), "errors": self.errors, "logs": self.records.rows})

    def _loop_error(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        where = str(context["message"])
        if isinstance(error, BaseException):
            self.error(f"{where}: {str(context.get('payload'))[:2000]}", error)
        else:
            self.errors.append({"where": where, "error": repr(context), "traceback": ""})

    async def _wait(self, command: dict[str, Any]) -> dict[str, Any]:
        await self.receipts.reach(int(command["count"]), command.get("name", ""))
        return {}

    async def _report(self, command: dict[str, Any]) -> dict[str, Any]:
        return {
            "receipts": self.receipts.rows,
            "sessions": self.receipts.sessions,
            "caches": self.caches(),
            "logs": self.records.rows,
            "errors": self.errors,
        }


def _first_line() -> bytes:
    """Read stdin's first line past the buffer: the event loop reads the lines behind it."""
    line = b""
    while not line.endswith(b"\n") and (byte := os.read(sys.stdin.fileno(), 1)):
        line += byte
    return line


def _trace(error: BaseException) -> str:
    return "".join(traceback.format_exception(error))[-3000:]


def _write(stream: TextIO, answer: dict[str, Any]) -> None:
    stream.write(json.dumps(answer) + "\n")
    stream.flush()
