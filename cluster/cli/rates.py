"""Counts events a second by name, by subscribing to everything."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable
from itertools import islice
from typing import Any, Final

import zmq

from cluster.subscriber.progress_reporter import ProgressReporter, SubscriberProgress
from cluster.wire.batch import decode_batch
from cluster.wire.topic import WireError, split

WINDOW_S: Final = 5.0
MOST_MESSAGES: Final = 20_000
"""How many messages are kept between two looks; what is over that is not counted."""


class EventRates:
    """Counts what the hub sends out. It owns a socket: close() it.

    The counts say only how names share the events: when more comes than is kept the rest is
    dropped, evenly enough over the names.
    """

    def __init__(
        self,
        endpoint: str,
        control: str | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """endpoint: the hub's, for subscribers. control: the coordinator's, which is told who this
        is, so that `status` can show it. clock: monotonic seconds."""
        self._clock = clock
        self._looks: deque[tuple[float, Counter[str]]] = deque([(clock(), Counter())])
        """The time of each look, and the events since the look before; the window begins with the
        oldest."""
        self._context: zmq.Context[zmq.Socket[Any]] = zmq.Context()
        self._socket = self._context.socket(zmq.SUB)
        self._socket.rcvhwm = MOST_MESSAGES
        self._socket.linger = 0
        self._socket.subscribe(b"")
        self._socket.connect(endpoint)
        self._events = 0
        self._reporter = control and ProgressReporter(self._context, control, "dcgw-cluster start")

    def __call__(self) -> dict[str, float]:
        """Return events a second by name, over the last WINDOW_S seconds."""
        self._looks.append((self._clock(), self._drain()))
        while len(self._looks) > 2 and self._looks[1][0] <= self._looks[-1][0] - WINDOW_S:
            self._looks.popleft()
        if self._reporter and self._reporter.due(self._looks[-1][0]):
            self._reporter.report(self._looks[-1][0], self._progress())
        passed = self._looks[-1][0] - self._looks[0][0]
        counts: Counter[str] = Counter()
        for _, look in islice(self._looks, 1, None):
            counts.update(look)
        return {name: count / passed for name, count in counts.items()} if passed > 0 else {}

    def _drain(self) -> Counter[str]:
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
        self._events += counts.total()
        return counts

    def _progress(self) -> SubscriberProgress:
        return SubscriberProgress(
            lag=0, events=self._events, gaps=0, replays=0, unfit=0, misfits={}, gap_reasons={},
            misses=0,
        )  # fmt: skip

    def close(self) -> None:
        """Close the socket."""
        if self._reporter:
            self._reporter.close(self._progress())
        self._context.destroy(linger=0)
