"""The sockets of a coordinator: those that others connect to, and those that connect to the hub."""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack
from typing import NamedTuple, Self

import zmq
import zmq.asyncio

from cluster.descriptors import Descriptors
from cluster.endpoints.paths import ClusterPaths
from cluster.errors import AlreadyRunningError
from coordinator.control.server import ControlServer
from coordinator.hub.hub import Announcer, Hub
from coordinator.hub.hubs import Hubs
from coordinator.hub.last_out import LastOut
from coordinator.workers.link import WorkerLink


class Sockets(NamedTuple):
    """All of them."""

    paths: ClusterPaths
    link: WorkerLink
    hub: Hub
    """The first hub; the others are processes (coordinator/children/hub.py)."""
    hubs: Hubs
    last_out: LastOut
    announcer: Announcer
    control: ControlServer

    @classmethod
    def make(
        cls,
        context: zmq.Context[zmq.Socket[bytes]],
        paths: ClusterPaths,
        link: WorkerLink,
        descriptors: Descriptors,
        parts: AsyncExitStack,
        most_workers: int,
        hubs: int,
    ) -> Self:
        """Make the hub, which binds at once, and what belongs to it. parts: closes them.
        most_workers: how many there will be. hubs: how many hubs."""
        hub = Hub(
            context,
            workers_endpoint=paths.hub,
            subscribers_endpoint=paths.events,
            descriptors=descriptors,
            most_workers=most_workers,
        )
        parts.callback(hub.close)
        last_out = LastOut(context, [paths.events_of(number) for number in range(hubs)])
        parts.callback(last_out.close)
        last_out.start(asyncio.get_running_loop())
        announcer = Announcer(context, paths.hub)
        parts.callback(announcer.close)
        control = ControlServer(zmq.asyncio.Context(context), paths.control, descriptors)
        parts.callback(control.close)
        return cls(paths, link, hub, Hubs(hub, time.monotonic), last_out, announcer, control)

    def bind(self) -> None:
        """Let workers and people in: all behind the sockets is there. AlreadyRunningError: a socket
        can't be bound."""
        try:
            self.link.bind()
            self.control.bind()
        except zmq.ZMQError as error:
            raise AlreadyRunningError(
                f"a socket in {self.paths.runtime_dir} can't be bound ({error.strerror})",
                "stop what uses it, or set DCGW_RUNTIME_DIR to another folder",
            ) from error
