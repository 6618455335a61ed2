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

from cluster.endpoints.curve_keys import KeyFolder
from cluster.errors import ClusterError
from cluster.wire.status import GateReport
from coordinator.child_process import Child, ChildSpec, run_child
from coordinator.descriptors import descriptor_limit, open_descriptors
from coordinator.tcp_gate.control_relay import MAX_REQUEST_BYTES, ControlRelay
from coordinator.tcp_gate.keyring import Keyring
from coordinator.tcp_gate.listeners import QUESTIONS_HWM, Listeners
from coordinator.tcp_gate.zap import Zap
from coordinator.zmq_proxy import ZmqProxy

log = logging.getLogger(__name__)

SUBSCRIBER_HWM: Final = 2_000
"""Messages (batches) that wait for one subscriber; beyond that it loses some, and asks."""
ANSWERS_HWM: Final = 8
"""Replay's slices that wait for one reader."""
HUB_HWM: Final = 10_000
"""Messages of the hub that wait to be sent on."""
MAX_SUBSCRIPTION_BYTES: Final = 768
"""The most bytes of a subscription: longer than any topic, and the last message of a handshake must
fit, too."""
MAX_QUESTION_BYTES: Final = 64 * 1024
LAST_ANSWERS_MS: Final = 500
POLL_MS: Final = 200
REPORT_S: Final = 1.0
MOST_MEMORY: Final = 1 << 30
"""Resident bytes at which it ends, to be started again: what clients send and do not read is held
here, and ZeroMQ bounds it by the connection only."""
MOST_DESCRIPTORS: Final = 65_536
FEW_DESCRIPTORS: Final = 4


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
        self._refused_before = refused
        self._stack = ExitStack()
        self._poller = zmq.Poller()
        self._takers: dict[zmq.Socket[bytes], Callable[[], None]] = {}
        self._proxies: list[ZmqProxy] = []
        folder = Path(spec.keys)
        self._server = KeyFolder(folder).server()
        self._keyring = Keyring(folder)
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._stack.callback(self._context.term)
        try:
            self._zap = Zap(self._context, self._keyring)
            self._stack.callback(self._zap.close)
            self._listen_to(self._zap.socket, self._zap.answer)
            self._listeners = Listeners(
                self._context, self._server, spec.outside, spec.handshake_ms
            )
            self._stack.callback(self._listeners.close)
            self._relay = self._open_control()
            self._open_replay()
            self._open_events()
        except BaseException:
            self._stack.close()
            raise

    @property
    def refused(self) -> int:
        """How many were not let in, by these sockets and those before."""
        return self._refused_before + self._listeners.refused

    def _open_control(self) -> ControlRelay:
        """Open the way to the control endpoint. Inside it is always there: the TCP gate's own
        reports go that way."""
        inside = self._inner(zmq.DEALER)
        outside = self._listeners.make(zmq.ROUTER, MAX_REQUEST_BYTES, QUESTIONS_HWM)
        outside.setsockopt(zmq.LINGER, LAST_ANSWERS_MS)  # the answer to `stop` still goes out
        outside.setsockopt(zmq.ROUTER_MANDATORY, 1)
        for socket in (inside, outside):
            self._stack.callback(socket.close)
        inside.connect(self._spec.inside["control"])
        relay = ControlRelay(outside, inside, self._keyring)
        self._listen_to(inside, relay.take_answer)
        if "control" in self._spec.outside:
            self._listeners.bind(outside, "control")
            self._listen_to(outside, relay.take_request)
        return relay

    def _open_replay(self) -> None:
        if "replay" not in self._spec.outside:
            return
        outside = self._listeners.make(zmq.ROUTER, MAX_QUESTION_BYTES, ANSWERS_HWM)
        inside = self._inner(zmq.DEALER)
        inside.setsockopt(zmq.SNDHWM, QUESTIONS_HWM)
        inside.setsockopt(zmq.RCVHWM, QUESTIONS_HWM)
        self._join("replay", inside, outside)
        self._start_proxy("replay", front=outside, back=inside)

    def _open_events(self) -> None:
        if "events" not in self._spec.outside:
            return
        # PUB, and all that the hub has: a subscription takes effect here, at once and in order
        outside = self._listeners.make(zmq.PUB, MAX_SUBSCRIPTION_BYTES, SUBSCRIBER_HWM)
        inside = self._inner(zmq.SUB)
        inside.setsockopt(zmq.RCVHWM, HUB_HWM)
        inside.subscribe(b"")
        self._join("events", inside, outside)
        self._start_proxy("events", front=inside, back=outside)

    def _join(self, name: str, inside: zmq.Socket[bytes], outside: zmq.Socket[bytes]) -> None:
        """Connect the one and bind the other; where that fails both are closed."""
        try:
            inside.connect(self._spec.inside[name])
            self._listeners.bind(outside, name)
        except BaseException:
            inside.close(0)
            outside.close(0)
            raise

    def _start_proxy(
        self, name: str, *, front: zmq.Socket[bytes], back: zmq.Socket[bytes]
    ) -> None:  # fmt: skip
        proxy = ZmqProxy(name, front, back)
        self._proxies.append(proxy)
        self._stack.callback(proxy.close)

    def _inner(self, kind: int) -> zmq.Socket[bytes]:
        """Make a socket for an endpoint of this host."""
        socket = self._context.socket(kind)
        socket.setsockopt(zmq.LINGER, 0)
        return socket

    def _listen_to(self, socket: zmq.Socket[bytes], take: Callable[[], None]) -> None:
        """Call `take` for each message that the socket has."""
        self._takers[socket] = take
        self._poller.register(socket, zmq.POLLIN)

    def serve(self, is_ending: Callable[[], bool]) -> bool:
        """Serve until `is_ending`: False. True: the keys have changed so that it must be made
        anew."""
        report_at = 0.0
        while not is_ending():
            for socket, _ in self._poller.poll(POLL_MS):
                self._takers[socket]()
            now = time.monotonic()
            self._listeners.read(now)
            if self._outdated():
                return True
            self._check()
            if now >= report_at:
                report_at = now + REPORT_S
                self._relay.report(self._report(now))
        return False

    def _outdated(self) -> bool:
        """Whether somebody is connected whose key is known no more, or the server's are others."""
        # Compare with the keys of admitted connections, since a key may come and go between two
        # looks, and its connection stay.
        if lost := self._zap.admitted.keys() - self._keyring.clients().keys():
            log.warning("%d of the keys in use removed: connections are made anew", len(lost))
            return True
        if self._keyring.renewed(self._server):
            log.warning("the server's keys were renewed: connections are made anew")
            return True
        return False

    def _check(self) -> None:
        """Raise ClusterError if a part has ended. End the process if it holds too much."""
        if not all(proxy.alive for proxy in self._proxies):
            raise ClusterError("a thread of the TCP gate has ended")
        if peak_memory() > MOST_MEMORY:
            log.error("more than %d MiB are held for clients: ending", MOST_MEMORY >> 20)
            os._exit(ClusterError.exit_code)  # exit at once: an orderly close would go on reading

    def _report(self, now: float) -> GateReport:
        outside = self._spec.outside
        return GateReport(
            pid=os.getpid(),
            events=outside.get("events", ""),
            replay=outside.get("replay", ""),
            control=outside.get("control", ""),
            keys=len(self._keyring.clients()),
            subscribers=self._listeners.connected("events", now),
            refused=self.refused,
            full=self._is_full(),
        )

    def _is_full(self) -> bool:
        """Whether no descriptor is left for another connection. They are counted where that may be:
        it takes long where there are many."""
        limit = descriptor_limit()
        return self._listeners.open > limit // 4 and limit - open_descriptors() <= FEW_DESCRIPTORS

    def close(self) -> None:
        """End every connection."""
        self._stack.close()


def peak_memory() -> int:
    """Return the resident bytes of this process at their highest."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _bound_descriptors() -> None:
    """Use no more descriptors than this process is to have: half-open connections take one each for
    some seconds. Where none is left libzmq lets nobody in by TCP until one is, and goes on."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft > MOST_DESCRIPTORS:
        resource.setrlimit(resource.RLIMIT_NOFILE, (MOST_DESCRIPTORS, hard))


def serve(spec: TcpGateSpec, child: Child) -> None:
    """Serve until the child is ending. ClusterError: an endpoint can't be bound, or a part of the
    TCP gate has ended."""
    _bound_descriptors()
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
