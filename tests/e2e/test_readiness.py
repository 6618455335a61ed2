"""64 shards at max_concurrency 16: as fast as Discord allows, and not faster."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from cluster.discord.limits import IDENTIFY_WINDOW_S
from cluster.discord.opcodes import Op
from tests.e2e.home import Home, run_sandbox
from tests.e2e.watching import control_of, eventually, identified, sandbox_of

SHARDS = 64
CONCURRENCY = 16
MARGIN_S = 0.25
ALLOWED_S = (SHARDS // CONCURRENCY - 1) * (IDENTIFY_WINDOW_S + MARGIN_S)
"""Seconds from a bucket's first identify to its last; the margin is configs/cluster.toml's."""
PROCESS_SWITCHES = 16
"""How often one process waits for another: grant, IDENTIFY, READY, report, for each of four
identifies."""


async def worst_delay() -> float:
    """Seconds by which this process ran too late, at worst, until it is cancelled: so long may any
    other have waited for the processor, beside other work."""
    worst = 0.0
    loop = asyncio.get_running_loop()
    with contextlib.suppress(asyncio.CancelledError):
        while True:
            due = loop.time() + 0.01
            await asyncio.sleep(0.01)
            worst = max(worst, loop.time() - due)
    return worst


@pytest.mark.alone
def test_ready_as_soon_as_the_limiter_allows(home: Home) -> None:
    with run_sandbox(guilds=SHARDS, shards=SHARDS, max_concurrency=CONCURRENCY) as info:
        home.use(info)
        start = home.cli("start", "--detach")
        assert start.returncode == 0, start.stderr

        async def main() -> None:
            async with sandbox_of(info) as sandbox, control_of(home) as control:
                watching = asyncio.create_task(worst_delay())
                await eventually(control.status, lambda s: s.state == "ready")
                watching.cancel()
                delay = await watching
                sent = [c["at"] for c in await sandbox.commands() if c["op"] == Op.IDENTIFY]
                readies = [r["at"] async for r in sandbox.all_dispatches() if r["name"] == "READY"]
                assert len(sent) == len(readies) == SHARDS == await identified(sandbox)
                assert (await sandbox.state())["identifies"]["early"] == 0  # no op 9
                # Processes start before the first identify; that is not the limiter's time.
                took = max(readies) - min(sent)
                assert ALLOWED_S <= took <= 1.05 * ALLOWED_S + PROCESS_SWITCHES * delay, (
                    took,
                    delay,
                )

        asyncio.run(main())
        stop = home.cli("stop")
        assert stop.returncode == 0, stop.stderr
    assert home.leftovers() == []
