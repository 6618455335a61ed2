"""The way in over TCP: a process of its own, ``python -m coordinator.tcp_gate.gate``.

What the cluster offers on this host (events, replay, control), it offers on TCP, to those whose
keys it knows: CURVE on every socket, with a server key that clients pin, and nobody let in whom the
file of clients does not name. It is apart from the coordinator, so that whoever can reach the port
reaches neither hub nor journals: encryption, half-open connections, rubbish and what clients do not
read take this process's time, descriptors and memory. If it dies it is started again.

It is started with a TcpGateSpec (coordinator.child_process). When a key is removed, or the server's
is renewed, it makes all its sockets anew: libzmq can't cut off a single connection.
"""

from __future__ import annotations

import logging
import os
import resource
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import zmq

from cluster.endpoints.curve_keys import KeyFolder, ServerKeys
from cluster.endpoints.tcp import Tcp, keep_alive
from cluster.errors import AlreadyRunningError, ClusterError
from cluster.wire.status import GateReport
from coordinator.child_process import Child, ChildSpec, run_child
from coordinator.tcp_gate.connection_stats import ConnectionStats
from coordinator.tcp_gate.control_relay import MAX_REQUEST_BYTES, ControlRelay
from coordinator.tcp_gate.keyring import Keyring
from coordinator.tcp_gate.zap import DOMAIN, Zap
from coordinator.zmq_proxy import ZmqProxy

log = logging.getLogger(__name__)

SUBSCRIBER_HWM: Final = 2_000
"""Messages (batches) that wait for one subscriber; beyond that it loses some, and asks."""
ANSWERS_HWM: Final = 8
"""Replay's slices that wait for one reader."""
QUESTIONS_HWM: Final = 16
MAX_SUBSCRIPTION_BYTES: Final = 768
"""Longer than any topic; the last message of a handshake must fit, too."""
MAX_QUESTION_BYTES: Final = 64 * 1024
LAST_ANSWERS_MS: Final = 500
POLL_MS: Final = 200
REPORT_S: Final = 1.0
BIND_S: Final = 3.0
"""A port that was closed a moment ago, or by the gate before this one, is free by then."""
MOST_MEMORY: Final = 1 << 30
"""Resident bytes at which it ends, to be started again: what clients send and do not read is held
here, and ZeroMQ bounds it by the connection only."""
MOST_DESCRIPTORS: Final = 65_536


class TcpGateSpec(ChildSpec, frozen=True, kw_only=True):
    """What a TCP gate must know. Its keys are in the folder: they can change while it runs."""

    keys: str
    """The folder of the keys."""
    inside: dict[str, str]
    """Local endpoints of "events", "replay" and "control"."""
    outside: dict[str, str]
    """Which of them are offered, and at which TCP endpoint."""
    handshake_ms: int = 5_000
    """Who has not shown a key by then is dropped."""


class TcpGate:
    """All sockets, until ``close``. Raises AlreadyRunningError if an endpoint can't be bound,
    ConfigError if there are no keys."""

    def __init__(self, spec: TcpGateSpec, refused: int = 0) -> None:
        """refused: how many the sockets before these refused."""
        self._spec = spec
        self._stack = ExitStack()
        self._poller = zmq.Poller()
        self._takers: dict[zmq.Socket[bytes], Callable[[], None]] = {}
        self._stats: dict[str, ConnectionStats] = {}
        self._proxies: list[ZmqProxy] = []
        self.refused = refused
        folder = Path(spec.keys)
        self._server = KeyFolder(folder).server()
        self._keyring = Keyring(folder)
        try:
            self._open()
        except BaseException:
            self.close()
            raise

    def _open(self) -> None:
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._stack.callback(self._context.term)
        self._zap = Zap(self._context, self._keyring)
        self._stack.callback(self._zap.close)
        self._poller.register(self._zap.socket, zmq.POLLIN)
        self._takers[self._zap.socket] = self._zap.answer
        self._open_control()
        if "replay" in self._spec.outside:
            front = self._listener(zmq.ROUTER, MAX_QUESTION_BYTES, ANSWERS_HWM)
            back = self._inner(zmq.DEALER)
            back.setsockopt(zmq.SNDHWM, QUESTIONS_HWM)
            back.setsockopt(zmq.RCVHWM, QUESTIONS_HWM)
            self._pass("replay", front, back)
        if "events" in self._spec.outside:
            # PUB, and all that the hub has: a subscription takes effect here, at once and in order
            front = self._listener(zmq.PUB, MAX_SUBSCRIPTION_BYTES, SUBSCRIBER_HWM)
            back = self._inner(zmq.SUB)
            back.setsockopt(zmq.RCVHWM, 10_000)
            back.subscribe(b"")
            self._pass("events", back, front)

    def _open_control(self) -> None:
        """Inside it is always there: the gate's own reports go that way."""
        inside = self._inner(zmq.DEALER)
        self._connect(inside, "control")
        outside = self._listener(zmq.ROUTER, MAX_REQUEST_BYTES, QUESTIONS_HWM)
        outside.setsockopt(zmq.LINGER, LAST_ANSWERS_MS)  # the answer to `stop` still goes out
        outside.setsockopt(zmq.ROUTER_MANDATORY, 1)
        for socket in (inside, outside):
            self._stack.callback(socket.close)
        self._relay = ControlRelay(outside, inside, self._keyring)
        self._takers |= {inside: self._relay.take_answer, outside: self._relay.take_request}
        self._poller.register(inside, zmq.POLLIN)
        if "control" in self._spec.outside:
            self._bind(outside, "control")
            self._poller.register(outside, zmq.POLLIN)

    def _pass(self, name: str, front: zmq.Socket[bytes], back: zmq.Socket[bytes]) -> None:
        outside, inside = (back, front) if name == "events" else (front, back)
        try:
            self._connect(inside, name)
            self._bind(outside, name)
        except BaseException:
            front.close(0)
            back.close(0)
            raise
        proxy = ZmqProxy(name, front, back)
        self._proxies.append(proxy)
        self._stack.callback(proxy.close)

    def _inner(self, kind: int) -> zmq.Socket[bytes]:
        socket = self._context.socket(kind)
        socket.setsockopt(zmq.LINGER, 0)
        return socket

    def _connect(self, socket: zmq.Socket[bytes], name: str) -> None:
        socket.connect(self._spec.inside[name])

    def _listener(self, kind: int, most_bytes: int, hwm: int) -> zmq.Socket[bytes]:
        """A socket that speaks to nobody whose key was not admitted."""
        socket = self._context.socket(kind)
        secure(socket, self._server)
        socket.setsockopt(zmq.HANDSHAKE_IVL, self._spec.handshake_ms)
        socket.setsockopt(zmq.MAXMSGSIZE, most_bytes)
        socket.setsockopt(zmq.SNDHWM, hwm)
        socket.setsockopt(zmq.RCVHWM, QUESTIONS_HWM)
        return socket

    def _bind(self, socket: zmq.Socket[bytes], name: str) -> None:
        endpoint = self._spec.outside[name]
        stats = self._stats[name] = ConnectionStats(socket, self._spec.handshake_ms / 1000)
        self._stack.callback(stats.close)
        tcp = Tcp.read(endpoint)
        socket.setsockopt(zmq.IPV6, int(tcp is not None and tcp.ipv6))
        deadline = time.monotonic() + BIND_S
        while True:
            try:
                socket.bind(endpoint)
            except zmq.ZMQError as error:
                if error.errno == zmq.EADDRINUSE and time.monotonic() < deadline:
                    time.sleep(0.02)  # a gate that ended just now may still hold it
                    continue
                raise AlreadyRunningError(
                    f"tcp.{name}: {endpoint} can't be bound ({zmq.strerror(error.errno or 0)})",
                    "stop what uses it, or give another address",
                ) from error
            log.info("%s on %s", name, endpoint)
            return

    def serve(self, is_ending: Callable[[], bool]) -> bool:
        """Serve until `is_ending`: False. True: the keys have changed so that it must be made
        anew."""
        report_at = 0.0
        while not is_ending():
            for socket, _ in self._poller.poll(POLL_MS):
                self._takers[socket]()
            now = time.monotonic()
            for stats in self._stats.values():
                stats.read(now)
            if self._outdated():
                return True
            self._check()
            if now >= report_at:
                report_at = now + REPORT_S
                self._relay.report(self._report(now))
        return False

    def _outdated(self) -> bool:
        # Of those that were let in, not of those that were known a moment ago: a key may come and
        # go between two looks, and its connection stay.
        if lost := self._zap.admitted.keys() - self._keyring.clients().keys():
            log.warning("%d of the keys in use removed: connections are made anew", len(lost))
            return True
        if self._keyring.renewed(self._server):
            log.warning("the server's keys were renewed: connections are made anew")
            return True
        return False

    def _check(self) -> None:
        for proxy in self._proxies:
            if not proxy.alive:
                raise ClusterError("a thread of the gate has ended")
        if peak_memory() > MOST_MEMORY:
            log.error("more than %d MiB are held for clients: ending", MOST_MEMORY >> 20)
            os._exit(ClusterError.exit_code)  # to close in order would take what fills it in, still

    def _report(self, now: float) -> GateReport:
        outside = self._spec.outside
        events = self._stats.get("events")
        return GateReport(
            pid=os.getpid(),
            events=outside.get("events", ""),
            replay=outside.get("replay", ""),
            control=outside.get("control", ""),
            keys=len(self._keyring.clients()),
            subscribers=events.connected(now) if events else 0,
            refused=self.refused + sum(stats.refused for stats in self._stats.values()),
        )

    def close(self) -> None:
        """Every connection ends."""
        self.refused += sum(stats.refused for stats in self._stats.values())
        self._stack.close()


def secure(socket: zmq.Socket[bytes], server: ServerKeys) -> None:
    """CURVE, asked for at every handshake: without an answer nobody gets in."""
    socket.setsockopt(zmq.CURVE_SERVER, 1)
    socket.setsockopt(zmq.CURVE_SECRETKEY, server.secret.encode())
    socket.setsockopt(zmq.ZAP_DOMAIN, DOMAIN)
    socket.setsockopt(zmq.ZAP_ENFORCE_DOMAIN, 1)
    socket.setsockopt(zmq.LINGER, 0)
    keep_alive(socket)


def peak_memory() -> int:
    """Resident bytes of this process at their highest."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _raise_limit() -> None:
    """Half-open connections take a descriptor each for some seconds: as many as are allowed."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, MOST_DESCRIPTORS)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def serve(spec: TcpGateSpec, child: Child) -> None:
    """Serve until the child is ending. ClusterError: an endpoint can't be bound, or a part of the
    TCP gate has ended."""
    _raise_limit()
    gate = TcpGate(spec)
    while True:
        child.ready()
        try:
            anew = gate.serve(child.is_ending)
        finally:
            gate.close()
        if not anew:
            return
        gate = TcpGate(spec, gate.refused)


if __name__ == "__main__":
    sys.exit(run_child(TcpGateSpec, serve))
