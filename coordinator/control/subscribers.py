"""Who listens: subscribers that report themselves, and how many connections there are besides."""

from __future__ import annotations

import asyncio
import logging
from typing import Final

import zmq
from zmq.utils.monitor import parse_monitor_message

from cluster.wire.control import SubscriberReport, SubscriberStatus

log = logging.getLogger(__name__)

SILENT_S: Final = 10.0
"""A subscriber that says nothing for so long is no more."""
MOST: Final = 1000
"""Reports that are kept; whoever comes beyond that is counted as unknown."""


class _Seen:
    def __init__(self, report: SubscriberReport, now: float) -> None:
        self.report = report
        self.since = self.at = now


class Audience:
    """The reports of the last seconds. Times are seconds of a monotonic clock."""

    def __init__(self) -> None:
        self._seen: dict[str, _Seen] = {}

    def report(self, report: SubscriberReport, now: float) -> None:
        """Take a report."""
        seen = self._seen.get(report.id)
        if report.leaving:
            self._seen.pop(report.id, None)
        elif seen is not None:
            seen.report, seen.at = report, now
        elif len(self._seen) < MOST:
            self._seen[report.id] = _Seen(report, now)

    def rows(self, now: float) -> list[SubscriberStatus]:
        """By name; those that have gone silent are forgotten."""
        self._seen = {key: one for key, one in self._seen.items() if now - one.at <= SILENT_S}
        rows = [
            SubscriberStatus(
                name=seen.report.name,
                pid=seen.report.pid,
                lag=seen.report.lag,
                events=seen.report.events,
                gaps=seen.report.gaps,
                replays=seen.report.replays,
                unfit=seen.report.unfit,
                since_s=now - seen.since,
            )
            for seen in self._seen.values()
        ]
        return sorted(rows, key=lambda row: (row.name, row.pid))


class Connections:
    """Counts a socket's connections. Made before the socket is given to its thread, read on the
    loop. Source: zmq_socket_monitor(3)."""

    def __init__(self, socket: zmq.Socket[bytes]) -> None:
        self._descriptors: set[int] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        endpoint = f"inproc://connections-{id(self):x}"
        socket.monitor(endpoint, zmq.EVENT_ACCEPTED | zmq.EVENT_DISCONNECTED)
        self._monitor: zmq.Socket[bytes] = socket.context.socket(zmq.PAIR)
        self._monitor.setsockopt(zmq.RCVHWM, 0)  # a full one would stop libzmq's own thread
        self._monitor.connect(endpoint)
        self._fd = int(self._monitor.getsockopt(zmq.FD))

    def __len__(self) -> int:
        self.read()
        return len(self._descriptors)

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Follow it on this loop, so that events do not pile up."""
        self._loop = loop
        loop.add_reader(self._fd, self.read)
        self.read()

    def read(self) -> None:
        """Take what has come."""
        while not self._monitor.closed:
            try:
                message = parse_monitor_message(self._monitor.recv_multipart(zmq.NOBLOCK))
            except zmq.Again:
                return
            if message["event"] == zmq.EVENT_ACCEPTED:
                self._descriptors.add(message["value"])
            else:
                self._descriptors.discard(message["value"])

    def close(self) -> None:
        """Calling it again does nothing."""
        if self._monitor.closed:
            return
        if self._loop is not None:
            self._loop.remove_reader(self._fd)
        self._monitor.close(0)
