"""What belongs to one event loop says so, since on another one what it waits for would never come;
and works that go on together until one of them ends."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from cluster.errors import ClusterError


def check_loop(loop: asyncio.AbstractEventLoop, what: str) -> None:
    """Raise ClusterError if the running event loop is not this one, on which ``what`` began."""
    if asyncio.get_running_loop() is not loop:
        raise ClusterError(
            f"{what} began on another event loop",
            "use it within the asyncio.run() that it began in, and in no other thread",
        )


async def until_one_ends(*works: Coroutine[Any, Any, None]) -> None:
    """Do all of this until one of it ends, and end the rest. Raises what that one does."""
    tasks = [asyncio.create_task(work) for work in works]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
