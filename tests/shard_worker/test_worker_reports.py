"""How often a worker reports what changes."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, cast

from shard_worker.worker import REPORT_PAUSE_S, Worker
from tests.played_loop import play
from tests.shard_worker.test_adopt_seconds import worker_spec


def test_a_thousand_shards_that_change_one_after_the_other_are_few_reports() -> None:
    """The first change is told at once, and the last is not left untold."""

    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        worker = Worker(worker_spec())
        changed, told = 0, list[tuple[float, int]]()
        stats = SimpleNamespace(bytes=0, seconds=None, journalling=True, unpublished=0)
        worker._journal = cast(Any, SimpleNamespace(stats=lambda: stats, held=False))
        worker._link = cast(
            Any, SimpleNamespace(send=lambda _: told.append((loop.time(), changed)))
        )
        for _ in range(1000):
            changed += 1
            worker.changed()
            await asyncio.sleep(1 / 250)
        await asyncio.sleep(REPORT_PAUSE_S)
        assert told[0] == (0.0, 1)
        assert told[-1][1] == 1000
        assert 30 <= len(told) <= 4.0 / REPORT_PAUSE_S + 2

    play(scenario)
