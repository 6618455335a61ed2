"""Events a second by name, as somebody sees them who subscribes to everything."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from typing import Any, Final

import zmq

from cluster.wire.batch import decode_batch
from cluster.wire.topic import WireError, split

MOST_MESSAGES: Final = 20_000
"""Kept between two looks; what is over it is not counted."""


class EventRates:
    """Counts what the hub sends out. Owns its socket: close() it.

    Only shares are trusted: when more comes than is kept, the rest is dropped, evenly enough.
    """

    def __init__(self, endpoint: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._since = clock()
        self._context: zmq.Context[zmq.Socket[Any]] = zmq.Context()
        self._socket = self._context.socket(zmq.SUB)
        self._socket.rcvhwm = MOST_MESSAGES
        self._socket.linger = 0
        self._socket.subscribe(b"")
        self._socket.connect(endpoint)

    def __call__(self) -> dict[str, float]:
        """Events a second by name, since the last call."""
        counts: Counter[str] = Counter()
        for _ in range(MOST_MESSAGES):
            try:
                message = self._socket.recv(zmq.NOBLOCK)
            except zmq.Again:
                break
            try:
                name, _, payload = split(message)
                if not name.startswith("_"):
                    counts[name] += len(decode_batch(payload).events)
            except WireError:
                continue  # of another version: this is a picture, readers will say so
        now = self._clock()
        passed, self._since = now - self._since, now
        return {name: count / passed for name, count in counts.items()} if passed > 0 else {}

    def close(self) -> None:
        """Close the socket."""
        self._context.destroy(linger=0)
