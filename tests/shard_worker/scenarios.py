"""Scenarios of a worker under traffic, and what must hold at their end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from cluster.sandbox import Sandbox, SandboxControl, SandboxOptions
from cluster.wire.link import Hello, IdentifyRequest, IdentifySent, IdentifyUnused, Stopped
from tests.shard_worker.rig import Rig

Scenario = Callable[[Rig, SandboxControl], Awaitable[None]]


def run(
    scenario: Scenario, shards: int = 2, spec: dict[str, Any] | None = None, **options: Any
) -> None:
    """Run a scenario in a sandbox of its own; at the end the token must be in no log."""

    async def main() -> None:
        world = {"guilds": 6, "members_per_guild": 10, "latency_ms": 0.0} | options
        chosen = SandboxOptions(shards=shards, max_concurrency=shards, **world)
        async with (
            Sandbox(chosen) as sandbox,
            Rig(sandbox, shards, **(spec or {})) as rig,
            SandboxControl(sandbox.info.control_url, sandbox.info.control_token) as control,
        ):
            await scenario(rig, control)
            assert sandbox.info.token.encode() not in rig.log
            assert rig.process is None or rig.process.returncode is not None

    asyncio.run(main())


async def under_traffic(rig: Rig, control: SandboxControl) -> None:
    """Start a worker and return when all shards are ready and events come."""
    await rig.start()
    await rig.ready()
    await control.traffic(rate=1000)
    await rig.until(lambda: sum(r.events for r in rig.reports.values()) > 200)


async def ends_equal(rig: Rig, *, identifies: int = 2) -> None:
    """Assert that ledger, hub and journal agree, and that no more was identified than had to be."""
    expected = await rig.caught_up()
    # What comes before its hello a coordinator does not heed: a shard would wait in vain.
    assert isinstance(next(m for m in rig.heard if isinstance(m, Hello | IdentifyRequest)), Hello)
    assert rig.count(IdentifyRequest) >= rig.count(IdentifySent) == identifies
    assert rig.count(IdentifyUnused) == 0
    assert await rig.stop() == 0, rig.log.decode()
    assert isinstance(rig.heard[-1], Stopped)
    assert rig.journalled() == expected
