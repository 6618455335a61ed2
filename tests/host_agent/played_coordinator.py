"""The coordinator's end, played: what listens for hosts, on TCP with CURVE, on the test's loop."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import TypeVar

import zmq

from cluster.endpoints.curve_keys import ClientKeys, pair
from cluster.wire import hosts

WITHIN_S = 60.0
CLUSTER = "0123456789abcdef"
Report = hosts.HostReport
Message = TypeVar("Message")


class PlayedCoordinator:
    """Welcomes agents and hears them, while `until` waits."""

    def __init__(
        self, keys: tuple[str, str] | None = None, port: int = 0, events_port: int = 0
    ) -> None:
        """keys: the server's pair. port, events_port: of control and events; 0: any free one."""
        self.public, self._secret = keys or pair()
        self.welcomes = True
        self.hears = True
        self.refusal: hosts.HostRefusal | None = None
        self.admits = b"200"
        """The answer to whoever shows a key (ZAP)."""
        self.hellos: list[hosts.HostHello] = []
        self.reports: list[Report] = []
        self.said: list[hosts.WorkerSaid] = []
        self.agents: list[bytes] = []
        """Identities that have greeted."""
        self.cluster = CLUSTER
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._zap = self._context.socket(zmq.REP)
        self._zap.bind("inproc://zeromq.zap.01")
        self.control = self._secured(zmq.ROUTER)
        self.control.setsockopt(zmq.ROUTER_HANDOVER, 1)
        self.events = self._secured(zmq.XSUB)
        self.replay = self._secured(zmq.ROUTER)
        self.control.bind(f"tcp://127.0.0.1:{port or '*'}")
        self.endpoint = self._bound(self.control)
        self.events.setsockopt(zmq.RCVHWM, 5)
        self.events.bind(f"tcp://127.0.0.1:{events_port or '*'}")
        self.replay.bind("tcp://127.0.0.1:*")
        self.events.send(b"\x01")

    def _secured(self, kind: int) -> zmq.Socket[bytes]:
        socket = self._context.socket(kind)
        socket.setsockopt(zmq.CURVE_SERVER, 1)
        socket.setsockopt(zmq.CURVE_SECRETKEY, self._secret.encode())
        socket.setsockopt(zmq.ZAP_DOMAIN, b"played")
        socket.setsockopt(zmq.LINGER, 0)
        return socket

    @staticmethod
    def _bound(socket: zmq.Socket[bytes]) -> str:
        return socket.getsockopt(zmq.LAST_ENDPOINT).decode().rstrip("\0")  # type: ignore[union-attr]

    @property
    def server_keys(self) -> tuple[str, str]:
        return self.public, self._secret

    @property
    def port(self) -> int:
        return int(self.endpoint.rpartition(":")[2])

    @property
    def events_endpoint(self) -> str:
        return self._bound(self.events)

    @property
    def replay_endpoint(self) -> str:
        return self._bound(self.replay)

    def keys(self, name: str = "host-1") -> ClientKeys:
        """Make a key for a host."""
        public, secret = pair()
        return ClientKeys(name=name, server=self.public, public=public, secret=secret)

    def tell(self, message: hosts.ToHost) -> None:
        """Say something to the agent that has greeted last."""
        self.control.send_multipart([self.agents[-1], hosts.encode(message)])

    async def until(self, holds: Callable[[], bool]) -> None:
        """Go on until a condition holds."""
        deadline = time.monotonic() + WITHIN_S
        while not holds():
            assert time.monotonic() < deadline
            self.go_on()
            await asyncio.sleep(0.005)

    async def report(self, holds: Callable[[Report], bool]) -> Report:
        """Go on until a report is so; return it."""
        del self.reports[:-1]
        await self.until(lambda: any(map(holds, self.reports)))
        return next(filter(holds, self.reports))

    def go_on(self) -> None:
        """Take what has come."""
        while self._zap.poll(0):
            version, request, *_ = self._zap.recv_multipart()
            self._zap.send_multipart([version, request, self.admits, b"", b"host", b""])
        self.events.poll(0)  # so that it takes in who has connected
        while self.control.poll(0):
            identity, data = self.control.recv_multipart()
            self._take(identity, hosts.decode_from_host(data))

    def _take(self, identity: bytes, message: hosts.FromHost) -> None:
        answer: hosts.ToHost | None = None
        match message:
            case hosts.HostHello():
                self.hellos.append(message)
                self.agents.append(identity)
                if self.refusal is not None:
                    answer = self.refusal
                elif self.welcomes:
                    answer = self.welcome(identity)
            case hosts.HostReport():
                self.reports.append(message)
                answer = hosts.HostHeard() if self.hears else None
            case hosts.WorkerSaid():
                self.said.append(message)
        if answer is not None:
            self.control.send_multipart([identity, hosts.encode(answer)])

    def welcome(self, identity: bytes) -> hosts.HostWelcome:
        """Return the welcome for an agent."""
        everywhere = [self._bound(s).replace("127.0.0.1", "*") for s in (self.events, self.replay)]
        return hosts.HostWelcome(
            name=hosts.name_of(identity),
            cluster=self.cluster,
            events=everywhere[:1],
            replay=everywhere[1],
        )

    def close(self) -> None:
        for socket in (self._zap, self.control, self.events, self.replay):
            socket.close(0)
        self._context.term()
