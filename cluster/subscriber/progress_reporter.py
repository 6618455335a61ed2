"""ProgressReporter: tells the coordinator, for `status`, who a subscriber is, how far it lags,
and what it missed.

Delivery never waits for it and never fails by it: where nobody answers, nothing is said.
"""

from __future__ import annotations

import os
import secrets
import sys
from pathlib import Path
from typing import Final, NamedTuple

import zmq

from cluster.endpoints.curve_client import connect
from cluster.endpoints.curve_keys import ClientKeys
from cluster.wire import control
from cluster.wire.status import SubscriberReport

EVERY_S: Final = 2.0
"""Between two reports."""
LAST_REPORT_MS: Final = 200
"""How long the last report may take to leave."""
LONGEST_NAME: Final = 64


class SubscriberProgress(NamedTuple):
    """How a subscriber fares."""

    lag: int
    """Events that are known to exist and were not given out yet."""
    events: int
    """Events that were given out since it began."""
    gaps: int
    """Gaps since it began."""
    replays: int
    """Answers of the replay server."""
    unfit: int
    """Events of this process that were asked for typed and do not fit their class."""
    misfits: dict[str, int]
    """How many of them did not fit at a place, by event and place; those with the most."""
    gap_reasons: dict[str, int]
    """How many gaps, by reason."""
    misses: int
    """How often something was asked for that should have come by way of the hub."""
    fenced: int
    """How many messages of its shards were left out since their epoch was over: a worker that was
    replaced went on sending."""


class ProgressReporter:
    """Owns its socket; ``close`` says that the subscriber is leaving. Thread use: none."""

    def __init__(
        self,
        context: zmq.Context[zmq.Socket[bytes]],
        endpoint: str,
        name: str | None,
        keys: ClientKeys | None = None,
        needs: int = 0,
    ) -> None:
        """endpoint: the coordinator's control endpoint. name: as `status` shows it; None: the
        program's. keys: for an endpoint on TCP. needs: bits of the privileged intents that its
        events need."""
        self._name = (name or default_name())[:LONGEST_NAME]
        self._needs = needs
        self._id = secrets.token_hex(8)
        self._number = 0
        self._due = float("-inf")
        self._socket = context.socket(zmq.DEALER)
        self._socket.setsockopt(zmq.SNDHWM, 4)
        self._socket.setsockopt(zmq.IMMEDIATE, 1)
        self._socket.setsockopt(zmq.RECONNECT_IVL, 500)
        self._socket.setsockopt(zmq.RECONNECT_IVL_MAX, 5000)
        connect(self._socket, endpoint, keys)

    def due(self, now: float) -> bool:
        """Return whether a report is due. now: seconds of a monotonic clock."""
        return now >= self._due

    def report(self, now: float, progress: SubscriberProgress, *, leaving: bool = False) -> None:
        """Send a report, if a coordinator is there."""
        self._due = now + EVERY_S
        self._number += 1
        report = SubscriberReport(
            id=self._id, name=self._name, pid=os.getpid(), leaving=leaving, needs=self._needs,
            **progress._asdict(),
        )  # fmt: skip
        request = control.Request(id=self._number, verb="subscriber", args=control.as_args(report))
        try:
            while True:  # answers say nothing new, and must not pile up
                self._socket.recv(zmq.NOBLOCK)
        except zmq.Again:
            pass
        try:
            self._socket.send(control.encode(request), zmq.NOBLOCK)
        except zmq.Again:
            self._due = now + EVERY_S / 4  # no coordinator: a new one is to know soon

    def close(self, progress: SubscriberProgress) -> None:
        """Send the last report and close the socket."""
        self.report(0.0, progress, leaving=True)
        self._socket.close(LAST_REPORT_MS)


def default_name() -> str:
    """Return the program's name: "mybot.py", "python -c", the module's folder for ``python -m``."""
    program = Path(sys.argv[0])
    if program.name == "__main__.py":
        return program.parent.name
    return program.name or Path(sys.executable).name
