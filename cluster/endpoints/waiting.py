"""Waiting for a cluster that does not run yet: who starts first is often a service manager's
choice."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from cluster.errors import ConfigError, NotRunningError

log = logging.getLogger(__name__)

LOOK_S: Final = 0.5
"""Seconds between two looks for a cluster."""

Found = TypeVar("Found")


def checked_wait(wait: float) -> float:
    """Return a number of seconds to wait, math.inf for ever. ConfigError: it is none."""
    if isinstance(wait, bool) or not isinstance(wait, int | float) or not wait >= 0:
        raise ConfigError(f"wait is {wait!r}", "give seconds, 0 or more; math.inf waits for ever")
    return float(wait)


async def when_running(
    find: Callable[[], Found], wait: float, *, what: str = "a cluster of this host",
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> Found:  # fmt: skip
    """Return what `find` finds, which is asked every LOOK_S seconds while it says that nothing
    runs, for `wait` seconds. A line in the log says that this waits, and for what.

    clock: monotonic seconds. Raises NotRunningError once the time is over, and at once whatever
    else `find` raises.
    """
    until = clock() + wait
    said = False
    while True:
        try:
            return find()
        except NotRunningError:
            left = until - clock()
            if left <= 0:
                raise
        if not said:
            log.warning("waiting for %s to be started", what)
            said = True
        await sleep(min(LOOK_S, left))
