"""A client library in a process of its own, as the tests see it."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from cluster.sandbox import SandboxInfo
from tests.clients.client_libraries import ROOT, Library
from tests.progress import progress

ANSWER_S = 60.0
"""How long a client may take to reach what it was asked for."""

Receipt = tuple[int, str, int, str, str | None]
"""(shard, session id, s, name, hash of d; None where the client cannot see d's bytes)."""


@dataclass(frozen=True)
class Report:
    """What a client has seen so far."""

    receipts: list[Receipt]
    sessions: dict[int, str]
    caches: dict[str, dict[str, Any]]
    logs: list[dict[str, str]]
    errors: list[dict[str, str]]

    def names(self, name: str) -> list[Receipt]:
        return [r for r in self.receipts if r[3] == name]


class ClientProcess:
    """One running client; made by ``run_client``, which also ends it."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._stopped = False

    async def ready(self) -> None:
        """Wait until the library calls itself ready."""
        line = await self._line()
        assert line.get("ready"), line

    async def wait(self, count: int, name: str = "") -> None:
        """Wait until ``count`` dispatches of ``name`` (empty: of any) have reached the client."""
        await self.ask("wait", count=count, name=name)

    async def report(self) -> Report:
        return _report(await self.ask("report"))

    async def ask(self, do: str, **arguments: Any) -> Any:
        """Give a command, return its answer; AssertionError if the client ended meanwhile."""
        self._send({"do": do, **arguments})
        line = await self._line()
        assert "answer" in line, line
        return line["answer"]

    async def stop(self) -> Report:
        """Close the client; it must end by itself, with code 0 and nothing on stderr."""
        self._send({"do": "stop"})
        line = await self._line()
        assert line.get("stopped"), line
        self._stopped = True
        _, errors = await asyncio.wait_for(self._process.communicate(), ANSWER_S)
        assert (self._process.returncode, errors.decode()) == (0, "")
        return _report(line)

    def _send(self, message: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(message).encode() + b"\n")

    async def _line(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        try:
            line = await asyncio.wait_for(self._process.stdout.readline(), ANSWER_S)
        except TimeoutError:
            raise AssertionError(f"no answer in {ANSWER_S} s") from None
        progress()
        if not line:
            _, errors = await self._process.communicate()
            raise AssertionError(f"the client's process ended: {errors.decode()[-3000:]}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    async def end(self) -> None:
        """Kill it, if it still runs."""
        if self._process.returncode is None:
            self._process.kill()
            await self._process.communicate()


@asynccontextmanager
async def run_client(
    library: Library, info: SandboxInfo, *, compression: str, **config: Any
) -> AsyncIterator[ClientProcess]:
    """Start a library's driver on a sandbox; it has logged in when ``ready`` returns."""
    process = await asyncio.create_subprocess_exec(
        *library.command(),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "NODE_EXTRA_CA_CERTS": info.ca_file},
        cwd=ROOT,
        limit=1 << 26,
    )
    client = ClientProcess(process)
    client._send(
        {
            "api_url": info.api_url,
            "gateway_url": info.gateway_url,
            "ca_file": info.ca_file,
            "token": info.token,
            "compression": compression,
            **config,
        }
    )
    try:
        yield client
    finally:
        await client.end()


def _report(answer: dict[str, Any]) -> Report:
    return Report(
        receipts=[(r[0], r[1], r[2], r[3], r[4]) for r in answer["receipts"]],
        sessions={int(shard): session for shard, session in answer["sessions"].items()},
        caches=answer["caches"],
        logs=answer["logs"],
        errors=answer["errors"],
    )
