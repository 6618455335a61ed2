"""What belongs to one event loop says so: on another one, what it waits for would never come."""

from __future__ import annotations

import asyncio

from cluster.errors import ClusterError


def check_loop(loop: asyncio.AbstractEventLoop, what: str) -> None:
    """Raise ClusterError if the running event loop is not this one, on which ``what`` began."""
    if asyncio.get_running_loop() is not loop:
        raise ClusterError(
            f"{what} began on another event loop",
            "use it within the asyncio.run() that it began in, and in no other thread",
        )
