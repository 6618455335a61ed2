"""``python -m benchmarks.real_rates.gateway``: a gateway that keeps to a schedule.

It runs on asyncio's own loop, whose TLS sends within the call; uvloop's sends at the end of its
turn. Beside the orders of benchmarks.gateway it takes ``pace``: ``events`` of a load (``rate``,
``poisson``, ``seed``) to the first ``sessions``; answered with how late they were, and with the
moment of each if ``moments``, or with how many sessions are ``gone``. While it plays, what clients
send is read every READ_NS.
"""

from __future__ import annotations

import asyncio
import ctypes
import gc
import random
import time
from typing import Any, Final

from benchmarks.gateway import Gateway, serve
from benchmarks.real_rates.pacing import Load, schedule, wait_until
from benchmarks.recording import FIRST_SEQ, Recording, single_frames
from benchmarks.results import quantile

READ_NS: Final = 100_000_000
"""Nanoseconds between two turns of the loop."""
BEGIN_NS: Final = 20_000_000
"""Nanoseconds until the first event: all is prepared then."""
_TIMER_SLACK: Final = 29  # PR_SET_TIMERSLACK


class PacedGateway(Gateway):
    """A gateway that keeps to the moments of a schedule."""

    def __init__(self, stream: Recording) -> None:
        super().__init__(stream)
        self.orders["pace"] = self._pace
        self._frames = list(single_frames(stream))

    async def _pace(self, order: dict[str, Any]) -> Any:
        load = Load(order["sessions"], order["rate"], order["poisson"])
        due = list(schedule(load, order["events"], random.Random(order["seed"])))
        sessions = [self.sessions[n] for n in range(load.sessions) if n in self.sessions]
        if len(sessions) < load.sessions:
            return {"gone": load.sessions - len(sessions)}
        frames, clock, late = self._frames, time.monotonic_ns, []
        moments: list[tuple[int, int, int]] = []
        gc.disable()
        begin = read_at = clock() + BEGIN_NS
        for ns, number in due:
            session = sessions[number]
            position = session.position
            frame = frames[position]
            now = wait_until(begin + ns, clock, time.sleep)
            session.write_event(frame)
            moments.append((number, FIRST_SEQ + position, now))
            late.append((now - begin - ns) / 1000)
            if now > read_at:
                read_at = now + READ_NS
                await asyncio.sleep(0)
        gc.enable()
        late.sort()
        return {
            "late_us": [quantile(late, 0.5), quantile(late, 0.99)],
            "moments": moments if order.get("moments") else [],
        }


def make(stream: Recording) -> PacedGateway:
    """Return a gateway in a process whose sleeps end when they should, where Linux lets them."""
    prctl = getattr(ctypes.CDLL(None), "prctl", None)
    if prctl is not None:
        prctl(_TIMER_SLACK, 1, 0, 0, 0)
    return PacedGateway(stream)


if __name__ == "__main__":
    asyncio.run(serve(make))
