"""What the gates have in common: sockets on TCP that let in whose key is known, and the loop that
serves them until they must be made anew.

When a key is removed, or the server's is renewed, all sockets are made anew: libzmq can't cut off a
single connection.
"""

from __future__ import annotations

import logging
import os
import resource
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import zmq

from cluster.child_process import Child, ChildSpec
from cluster.descriptors import descriptor_limit, open_descriptors
from cluster.endpoints.curve_keys import KeyFolder
from cluster.errors import ClusterError
from cluster.process_stats import peak_memory_bytes
from coordinator.tcp_gate.keyring import Keyring
from coordinator.tcp_gate.listeners import Listeners
from coordinator.tcp_gate.zap import DOMAIN, Zap
from coordinator.zmq_proxy import ZmqProxy

log = logging.getLogger(__name__)

POLL_MS: Final = 200
REPORT_S: Final = 1.0
MOST_DESCRIPTORS: Final = 65_536
FEW_DESCRIPTORS: Final = 4


class GateSpec(ChildSpec, frozen=True, kw_only=True):
    """What every gate must know. Its keys are in the folder: they can change while it runs."""

    keys: str
    """The folder of the keys."""
    outside: dict[str, str]
    """What is offered, and at which TCP endpoint."""
    handshake_ms: int = 5_000
    """Who has not shown a key by then is dropped."""


class Gate(ABC):
    """All sockets, until ``close``. Raises AlreadyRunningError if an endpoint can't be bound,
    ConfigError if there are no keys."""

    def __init__(
        self,
        spec: GateSpec,
        outside: Mapping[str, str],
        *,
        most_memory: int,
        refused: int = 0,
        domain: bytes = DOMAIN,
        io_threads: int = 1,
    ) -> None:
        """outside: TCP endpoint of each socket by name. most_memory: resident bytes at which it
        ends, to be started again. refused: how many the sockets before these refused. domain:
        decides what a key must be allowed. io_threads: threads that encrypt and decrypt."""
        self._most_memory = most_memory
        self._refused_before = refused
        self._stack = ExitStack()
        self._poller = zmq.Poller()
        self._takers: dict[zmq.Socket[bytes], Callable[[], None]] = {}
        self._proxies: list[ZmqProxy] = []
        folder = Path(spec.keys)
        self._server = KeyFolder(folder).server()
        self._keyring = Keyring(folder)
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context(io_threads)
        try:
            self._zap = Zap(self._context, self._keyring, domain)
            self._stack.callback(self._zap.close)
            self._listen_to(self._zap.socket, self._zap.answer)
            self._listeners = Listeners(
                self._context, self._server, outside, spec.handshake_ms, domain
            )
            self._stack.callback(self._listeners.close)
            self._open()
        except BaseException:
            self.close()
            raise

    @abstractmethod
    def _open(self) -> None:
        """Open the sockets. Whatever it raises, what is on the stack is closed."""

    @abstractmethod
    def _report(self, now: float) -> None:
        """Tell the coordinator how the gate fares: once in REPORT_S. now: monotonic seconds."""

    @property
    def refused(self) -> int:
        """How many were not let in, by these sockets and those before."""
        return self._refused_before + self._listeners.refused

    def _start_proxy(
        self, name: str, *, front: zmq.Socket[bytes], back: zmq.Socket[bytes]
    ) -> None:  # fmt: skip
        proxy = ZmqProxy(name, front, back)
        self._proxies.append(proxy)

    def _inner(self, kind: int) -> zmq.Socket[bytes]:
        """Make a socket for an endpoint of this host."""
        socket = self._context.socket(kind)
        socket.setsockopt(zmq.LINGER, 0)
        return socket

    def _listen_to(self, socket: zmq.Socket[bytes], take: Callable[[], None]) -> None:
        """Call `take` whenever the socket has a message."""
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
                self._report(now)
        return False

    def _outdated(self) -> bool:
        """Whether somebody is connected whose key is known no more, or the server's are others."""
        if lost := self._zap.lost():
            log.warning("%d of the keys in use removed: connections are made anew", len(lost))
            return True
        if self._keyring.renewed(self._server):
            log.warning("the server's keys were renewed: connections are made anew")
            return True
        return False

    def _check(self) -> None:
        """Raise ClusterError if a part has ended. End the process if it holds too much."""
        if not all(proxy.alive for proxy in self._proxies):
            raise ClusterError("a thread of the gate has ended")
        if peak_memory_bytes() > self._most_memory:
            log.error("more than %d MiB are held for clients: ending", self._most_memory >> 20)
            os._exit(ClusterError.exit_code)  # exit at once: an orderly close would go on reading

    def _is_full(self) -> bool:
        """Whether no descriptor is left for another connection. They are counted where that may be:
        it takes long where there are many."""
        limit = descriptor_limit()
        return self._listeners.open > limit // 4 and limit - open_descriptors() <= FEW_DESCRIPTORS

    def close(self) -> None:
        """End every connection. A proxy may wait for a hub that does not read, and the context's
        end alone ends that; who watches its sockets goes after it, or libzmq waits for them."""
        for proxy in self._proxies:
            proxy.release()
        ending = threading.Thread(target=self._context.term, name="ending")
        ending.start()
        for proxy in self._proxies:
            proxy.join()
        self._stack.close()
        ending.join()


def _bound_descriptors() -> None:
    """Use no more descriptors than this process is to have: half-open connections take one each for
    some seconds. Where none is left libzmq lets nobody in by TCP until one is, and goes on."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft > MOST_DESCRIPTORS:
        resource.setrlimit(resource.RLIMIT_NOFILE, (MOST_DESCRIPTORS, hard))


def serve_gate(make: Callable[[int], Gate], child: Child) -> None:
    """Serve until the child is ending. ClusterError: an endpoint can't be bound, or a part of the
    gate has ended. make: of how many the sockets before have refused."""
    _bound_descriptors()
    gate = make(0)
    while True:
        child.ready()
        try:
            anew = gate.serve(child.is_ending)
        finally:
            gate.close()
        if not anew:
            return
        gate = make(gate.refused)
