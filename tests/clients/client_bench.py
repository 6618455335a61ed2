"""One sandbox with one client on it, and what is compared between the two."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from cluster.discord.intents import ALL_INTENTS
from cluster.sandbox import Sandbox, SandboxControl, SandboxOptions
from tests.clients.client_libraries import DISCORDJS, Library
from tests.clients.client_process import ClientProcess, Receipt, Report, run_client

SHARDS = 2
QUICK = SandboxOptions(
    guilds=6,
    channels_per_guild=6,
    members_per_guild=12,
    shards=SHARDS,
    max_concurrency=SHARDS,
    identify_window_s=0.2,
    identify_jitter_s=0.02,
)
"""A world for quick tests: each shard has its own identify bucket, so that no library waits."""


@dataclass
class Bench:
    """A sandbox, its control client, and a client library in a process of its own."""

    library: Library
    sandbox: Sandbox
    control: SandboxControl
    client: ClientProcess
    cut: bool = False
    """Whether connections have been cut: the library may say so in its log."""
    in_order: bool = True
    """Whether the library hands events on in the order in which they came."""
    expected: tuple[str, ...] = ()
    """Further log records that this test expects."""

    async def settle(self) -> Report:
        """Stop the traffic, wait until the client has all of the ledger, and compare the two."""
        await self.control.quiesce()
        ledger = await self.ledger()
        await self.client.wait(len(ledger))
        report = await self.client.report()
        self.compare(ledger, report)
        return report

    async def ledger(self) -> list[Receipt]:
        """Read every dispatch but replays, as the client should have received it."""
        rows = self.control.all_dispatches()
        return [self._receipt(row) async for row in rows if not row.get("replayed")]

    def _receipt(self, row: dict[str, Any]) -> Receipt:
        digest = row["hash"] if self.library.sees_bytes else None
        return (row["shard"], row["session"], row["s"], row["name"], digest)

    def compare(self, ledger: list[Receipt], report: Report) -> None:
        """What was received was dispatched: shard, session, s, name and bytes; in order, once."""
        assert sorted(report.receipts, key=_place) == sorted(ledger, key=_place)
        last: dict[tuple[int, str], int] = {}
        receipts = report.receipts if self.in_order else sorted(report.receipts, key=_place)
        for shard, session, seq, _, _ in receipts:
            assert seq == last.get((shard, session), 0) + 1, "s is not contiguous"
            last[shard, session] = seq
        self.no_complaints(report)

    def no_complaints(self, report: Report) -> None:
        """No exception anywhere in the client, and no log record that is not expected."""
        assert report.errors == []
        patterns = (*self.expected, *(self.library.when_cut if self.cut else ()))
        assert self.library.unexpected(report.logs, patterns) == []

    async def traffic(self, count: int, rate: float = 250.0) -> None:
        """Let the world move until the client has received ``count`` dispatches more."""
        before = len((await self.client.report()).receipts)
        await self.control.traffic(rate=rate)
        await self.client.wait(before + count)

    def world(self) -> dict[str, dict[str, Any]]:
        """The world's guilds in the form of the clients' caches."""
        world = self.sandbox.world
        ids = [i for i in world.guild_ids(0, 1) if world.available(i)]
        return {str(guild_id): self._guild(guild_id) for guild_id in ids}

    def _guild(self, guild_id: int) -> dict[str, Any]:
        guild = json.loads(
            self.sandbox.world.guild_create(
                guild_id, intents=int(ALL_INTENTS), large_threshold=1_000_000
            )
        )
        return {
            "channels": sorted(c["id"] for c in guild["channels"]),
            "roles": sorted(r["id"] for r in guild["roles"]),
            "members": sorted(m["user"]["id"] for m in guild["members"]),
            "member_count": guild["member_count"],
            "name": guild["name"],
        }


def _place(receipt: Receipt) -> tuple[str, int, str]:
    return receipt[1], receipt[2], receipt[3]


@asynccontextmanager
async def bench(
    library: Library, compression: str, options: SandboxOptions = QUICK, **config: Any
) -> AsyncIterator[Bench]:
    """Run a sandbox with a client that is ready; the client must also end well."""
    config = {"own_identify_wait": False, **config}
    async with Sandbox(options) as sandbox:
        info = sandbox.info
        async with (
            SandboxControl(info.control_url, info.control_token) as control,
            run_client(library, info, compression=compression, **config) as client,
        ):
            await client.ready()
            # With payload compression each message goes through node's thread pool by itself.
            in_order = not (library is DISCORDJS and compression == "payload")
            made = Bench(library, sandbox, control, client, in_order=in_order)
            yield made
            made.no_complaints(await client.stop())
