"""``python -m benchmarks.real_rates.subscriber``: a Subscriber that notes when each event came.

Reads its settings as a line of JSON: ``endpoint``, and the ``counts`` of events at which it stops
to say so. At each it waits for a line: ``{"do": "arrivals"}`` is answered with [shard, seq, ns] of
the events since the count before (nanoseconds of the monotonic clock), anything else lets it go on.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import time
from collections.abc import Sequence

import msgspec

from benchmarks.children import say
from cluster.subscriber import Event, Subscriber
from cluster.subscriber.items import Gap

log = logging.getLogger(__name__)


async def main() -> None:
    """Read until the last count, and end with standard input."""
    settings = msgspec.json.decode(sys.stdin.readline())
    counts: Sequence[int] = settings["counts"]
    arrivals: list[tuple[int, int, int]] = []
    clock, count, following = time.monotonic_ns, 0, iter(counts)
    async with Subscriber(settings["endpoint"]) as subscriber:
        say({"ready": True})
        stop_at = next(following)
        async for item in subscriber:
            if not isinstance(item, Event):
                if isinstance(item, Gap):
                    say({"missed": repr(item)})
                    break
                log.warning("%s", item)  # silence of a busy machine: no event is missing
                continue
            if item.name == "READY":  # no event of a load
                continue
            arrivals.append((item.shard_id, item.seq, clock()))
            count += 1
            if count == stop_at:
                say({"count": count})
                if msgspec.json.decode(sys.stdin.readline())["do"] == "arrivals":
                    say({"arrivals": arrivals})
                arrivals = []
                stop_at = next(following, 0)
                if not stop_at:
                    break
    sys.stdin.read()


if __name__ == "__main__":
    asyncio.run(main())
