"""A worker process against the sandbox: what was dispatched is journalled and published."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from cluster.sandbox import Sandbox, SandboxControl, SandboxOptions
from cluster.wire.link import IdentifyRequest, IdentifySent, Stopped

sys.path.insert(0, str(Path(__file__).parent))
from rig import Rig

Scenario = Callable[[Rig, SandboxControl], Awaitable[None]]


def run(
    scenario: Scenario, shards: int = 2, spec: dict[str, Any] | None = None, **options: Any
) -> None:
    async def main() -> None:
        chosen = SandboxOptions(
            shards=shards, max_concurrency=shards, guilds=6, members_per_guild=10, **options
        )
        async with (
            Sandbox(chosen) as sandbox,
            Rig(sandbox, shards, **(spec or {})) as rig,
            SandboxControl(sandbox.info.control_url, sandbox.info.control_token) as control,
        ):
            await scenario(rig, control)
            assert sandbox.info.token.encode() not in rig.log

    asyncio.run(main())


@pytest.mark.parametrize("compress", ["zlib-stream", "zstd-stream", ""])
def test_every_dispatch_is_journalled_and_published_through_a_cut(compress: str) -> None:
    async def scenario(rig: Rig, control: SandboxControl) -> None:
        await rig.start()
        await rig.ready()
        await control.traffic(rate=2000)
        await rig.until(lambda: sum(r.events for r in rig.reports.values()) > 500)
        await control.fault(kind="cut", how="rst")
        await rig.reconnected("connection lost")
        await control.fault(kind="cut", how="mid_frame")
        await rig.reconnected("connection lost", 2)
        expected = await rig.caught_up()
        assert len(expected) > 500
        assert rig.count(IdentifyRequest) == rig.count(IdentifySent) == 2
        assert await rig.stop() == 0
        assert rig.count(Stopped) == 1
        assert rig.journalled() == expected

    run(scenario, spec={"compress": compress})
