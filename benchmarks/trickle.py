"""Many sessions with few events each: every event is sent by itself."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from benchmarks.recording import Recording, payloads
from cluster.sandbox.sessions.compression import BINARY, frame

if TYPE_CHECKING:
    from benchmarks.session import Session


async def trickle(
    sessions: Sequence[Session], stream: Recording, rate: float, seconds: float
) -> int:
    """Send each session ``rate`` events a second, one at a time, all at different moments. Returns
    how many were sent to all sessions together."""
    loop = asyncio.get_running_loop()
    rounds = min(int(rate * seconds), stream.events)
    frames = _frames(stream)
    for session in sessions:
        session.begin_segment()
    start = loop.time()
    for i in range(rounds):
        one = next(frames)
        for k, session in enumerate(sessions):
            pause = start + (i + k / len(sessions)) / rate - loop.time()
            if pause > 0:
                await asyncio.sleep(pause)
            session.write(one)
    for session in sessions:
        session.end_segment()
    return rounds * len(sessions)


def _frames(stream: Recording) -> Iterator[bytes]:
    for segment in stream.segments:
        for payload in payloads(segment.frames):
            yield frame(BINARY, payload)
