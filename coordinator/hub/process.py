"""A hub that the coordinator's own is not enough for: a process of its own, ``python -m
coordinator.hub.process``.

It is a process, and no other thread of the coordinator, so that a core more is had of it whatever
the coordinator does, and so that its memory and descriptors are its own. It is started with a
HubSpec (cluster.child_process) and tells the coordinator who is connected to it. If it dies it
is started again: its workers step back, and subscribers ask for what they missed.
"""

from __future__ import annotations

import os
import sys
import time
from typing import Final

import zmq

from cluster import process_stats
from cluster.child_process import Child, ChildSpec, run_child
from cluster.errors import ClusterError
from cluster.wire import control
from cluster.wire.status import HubReport
from coordinator.hub.hub import Hub

LOOK_S: Final = 0.2
REPORT_S: Final = 1.0
"""Seconds between two reports; one is sent at once where something has changed."""


class HubSpec(ChildSpec, frozen=True, kw_only=True):
    """What a hub must know."""

    number: int
    workers: str
    """Endpoint at which workers connect."""
    subscribers: str
    control: str
    """Endpoint of the coordinator."""
    most_workers: int = 0
    """Subscribers leave room for so many."""


class HubReporter:
    """Tells the coordinator how a hub fares. Owns its socket."""

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]], endpoint: str, hub: int) -> None:
        """endpoint: the coordinator's control endpoint. hub: its number."""
        self._hub = hub
        self._number = 0
        self._due = float("-inf")
        self._told: tuple[int, list[str]] | None = None
        """What was said last that others wait for."""
        self._socket = context.socket(zmq.DEALER)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.setsockopt(zmq.SNDHWM, 4)
        self._socket.setsockopt(zmq.IMMEDIATE, 1)
        self._socket.connect(endpoint)

    def tell(self, hub: Hub, now: float) -> None:
        """Send a report if one is due, or says something new. now: monotonic seconds."""
        full = [listener.name for listener in hub.listeners if listener.full]
        news = hub.connections, full
        if now < self._due and news == self._told:
            return
        report = HubReport(
            number=self._hub,
            pid=os.getpid(),
            connections=hub.connections,
            full=full,
            cpu_s=process_stats.cpu_seconds(),
            rss_bytes=process_stats.own_memory_bytes(),
        )
        self._number += 1
        request = control.Request(id=self._number, verb="_hub", args=control.as_args(report))
        try:
            while True:  # answers say nothing new
                self._socket.recv(zmq.NOBLOCK)
        except zmq.Again:
            pass
        try:
            self._socket.send(control.encode(request), zmq.NOBLOCK)
        except zmq.Again:
            return  # nobody is there to hear it
        self._due, self._told = now + REPORT_S, news

    def close(self) -> None:
        self._socket.close(0)


def serve(spec: HubSpec, child: Child) -> None:
    """Be a hub until the child is ending. ClusterError: an endpoint can't be bound, or the hub's
    thread has ended."""
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    try:
        hub = Hub(
            context,
            workers_endpoint=spec.workers,
            subscribers_endpoint=spec.subscribers,
            most_workers=spec.most_workers,
        )
        reporter = HubReporter(context, spec.control, spec.number)
        try:
            child.ready()
            while not child.is_ending():
                if not hub.alive:
                    raise ClusterError("the hub's thread has ended")
                reporter.tell(hub, time.monotonic())
                time.sleep(LOOK_S)  # messages pass in a thread of libzmq's
        finally:
            reporter.close()
            hub.close()
    finally:
        context.term()


if __name__ == "__main__":
    sys.exit(run_child(HubSpec, serve))
