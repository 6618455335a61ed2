"""The main job: 4 shards on 2 workers, every dispatched event at a subscriber, exactly once."""

from __future__ import annotations

import asyncio

from home import Home, run_sandbox
from watching import identified, ledger, sandbox_of, watching

SHARDS = 4


def test_every_event_reaches_a_subscriber_exactly_once(home: Home) -> None:
    with run_sandbox(guilds=8, shards=SHARDS, max_concurrency=SHARDS, rate=300.0) as info:
        home.use(info)
        start = home.cli("start", "--detach", "--workers", "2")
        assert start.returncode == 0, start.stderr

        async def main() -> None:
            async with sandbox_of(info) as sandbox, watching(home) as seen:
                await seen.until(2_000)
                await sandbox.quiesce()
                expected = await ledger(sandbox)
                await seen.until(len(expected))
                seen.check(expected)
                assert await identified(sandbox) == SHARDS

        asyncio.run(main())
        stop = home.cli("stop")
        assert stop.returncode == 0, stop.stderr
    assert home.leftovers() == []
