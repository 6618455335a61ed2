"""A sandbox and clients of it, on one loop."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import uvloop

from cluster.sandbox import Sandbox, SandboxControl, SandboxOptions
from shard_worker.client.client import GatewayClient
from shard_worker.client.connecting import Connecting
from shard_worker.client.event_queue import Received

WAIT_S = 60.0
Row = tuple[int, str, str]
"""s, name, hash of d."""


class ClientRig:
    """A sandbox that clients are made of, and what they should have been sent."""

    def __init__(self, sandbox: Sandbox, control: SandboxControl) -> None:
        self.sandbox = sandbox
        self.control = control

    def connect(self, **given: Any) -> Connecting:
        info = self.sandbox.info
        chosen = {"intents": "all"} if "capabilities" not in given else {}
        defaults = {"api_url": info.api_url, "ca_file": info.ca_file, "token": info.token}
        return GatewayClient.connect(**(defaults | chosen | given))

    def sent(self, session: int = -1) -> list[Row]:
        """Return what was dispatched in a session, each s once: the last session, or that of this
        index."""
        rows = self.sandbox.ledger.dispatches(limit=1_000_000)
        order = list(dict.fromkeys(row["session"] for row in rows))
        once = {
            row["s"]: (row["s"], row["name"], blank(row["name"], row["hash"]))
            for row in rows
            if row["session"] == order[session]
        }
        return [once[seq] for seq in sorted(once)]

    async def emit(self, count: int, name: str = "MESSAGE_CREATE") -> None:
        await self.control.emit(name, count=count)

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(WAIT_S):
            while not condition():  # noqa: ASYNC110  # nobody in the sandbox would set an event
                await asyncio.sleep(0.01)


def row(item: Received) -> Row:
    digest = hashlib.blake2b(item.data, digest_size=8).hexdigest()
    return item.seq, item.name, blank(item.name, digest)


def blank(name: str, value: str) -> str:
    """Return the hash, or "" for events whose session ids are emptied on the way."""
    return "" if name in ("READY", "SESSIONS_REPLACE") else value


async def take(client: GatewayClient, upto: int, *, after: int = 0) -> list[Row]:
    """Take dispatches until the one with this s; they must follow each other without a hole."""
    rows: list[Row] = []
    async with asyncio.timeout(WAIT_S):
        while not rows or rows[-1][0] < upto:
            item = await client.next_raw()
            if item.op == 0:
                rows.append(row(item))
    assert [seq for seq, _, _ in rows] == list(range(after + 1, upto + 1))
    return rows


def run(scenario: Callable[[ClientRig], Awaitable[None]], **options: Any) -> None:
    async def main() -> None:
        async with client_rig(**options) as made, asyncio.timeout(3 * WAIT_S):
            await scenario(made)

    uvloop.run(main(), debug=True)


@asynccontextmanager
async def client_rig(**options: Any) -> AsyncIterator[ClientRig]:
    chosen = {
        "guilds": 2,
        "members_per_guild": 5,
        "channels_per_guild": 2,
        "identify_jitter_s": 0,
        "latency_ms": 0,
    }
    async with Sandbox(SandboxOptions(**(chosen | options))) as sandbox:
        info = sandbox.info
        async with SandboxControl(info.control_url, info.control_token) as control:
            yield ClientRig(sandbox, control)
