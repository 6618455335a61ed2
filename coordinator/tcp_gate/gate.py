"""The way in over TCP: a process of its own, ``python -m coordinator.tcp_gate.gate``.

What the cluster offers on this host (events, replay, control), it offers on TCP, to those whose
keys it knows: CURVE on every socket, with a server key that clients pin, and nobody let in whom the
file of clients does not name. It is apart from the coordinator, so that whoever can reach the port
reaches neither hub nor journals: encryption, half-open connections, rubbish and what clients do not
read take this process's time, descriptors and memory. If it dies it is started again.

It is started with a TcpGateSpec (cluster.child_process).
"""

from __future__ import annotations

import os
import sys
from functools import partial
from typing import Final

import zmq

from cluster.child_process import Child, run_child
from cluster.wire.status import GateReport
from coordinator.tcp_gate.base import Gate, GateSpec, serve_gate
from coordinator.tcp_gate.control_relay import MAX_REQUEST_BYTES, ControlRelay
from coordinator.tcp_gate.listeners import QUESTIONS_HWM

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
MOST_MEMORY: Final = 1 << 30
"""Resident bytes at which it ends, to be started again: what clients send and do not read is held
here, and ZeroMQ bounds it by the connection only."""


class TcpGateSpec(GateSpec, frozen=True, kw_only=True):
    """What a TCP gate must know. Of `inside` it offers what `outside` names."""

    inside: dict[str, list[str]]
    """Local endpoints of "events", one a hub, of "replay" and of "control"."""


class TcpGate(Gate):
    """The sockets of a TCP gate."""

    def __init__(self, spec: TcpGateSpec, refused: int = 0) -> None:
        """refused: how many the sockets before these refused."""
        self._spec = spec
        super().__init__(spec, spec.outside, most_memory=MOST_MEMORY, refused=refused)

    def _open(self) -> None:
        self._relay = self._open_control()
        self._open_replay()
        self._open_events()

    def _open_control(self) -> ControlRelay:
        """Open the way to the control endpoint. Inside it is always there: the TCP gate's own
        reports go that way."""
        inside = self._inner(zmq.DEALER)
        outside = self._listeners.make(zmq.ROUTER, MAX_REQUEST_BYTES, QUESTIONS_HWM)
        outside.setsockopt(zmq.LINGER, LAST_ANSWERS_MS)  # the answer to `stop` still goes out
        outside.setsockopt(zmq.ROUTER_MANDATORY, 1)
        for socket in (inside, outside):
            self._stack.callback(socket.close)
        for endpoint in self._spec.inside["control"]:
            inside.connect(endpoint)
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
        # PUB, and all that the hubs have: a subscription takes effect here, at once and in order
        outside = self._listeners.make(zmq.PUB, MAX_SUBSCRIPTION_BYTES, SUBSCRIBER_HWM)
        inside = self._inner(zmq.SUB)
        inside.setsockopt(zmq.RCVHWM, HUB_HWM)
        inside.subscribe(b"")
        self._join("events", inside, outside)
        self._start_proxy("events", front=inside, back=outside)

    def _join(self, name: str, inside: zmq.Socket[bytes], outside: zmq.Socket[bytes]) -> None:
        """Connect the one and bind the other; where that fails both are closed."""
        try:
            for endpoint in self._spec.inside[name]:
                inside.connect(endpoint)
            self._listeners.bind(outside, name)
        except BaseException:
            inside.close(0)
            outside.close(0)
            raise

    def _report(self, now: float) -> None:
        outside = self._spec.outside
        self._relay.report(
            GateReport(
                pid=os.getpid(),
                events=outside.get("events", ""),
                replay=outside.get("replay", ""),
                control=outside.get("control", ""),
                keys=len(self._keyring.clients()),
                subscribers=self._listeners.connected("events", now),
                refused=self.refused,
                full=self._is_full(),
                trouble=self._keyring.trouble,
            )
        )


def serve(spec: TcpGateSpec, child: Child) -> None:
    """Serve until the child is ending. ClusterError as serve_gate."""
    serve_gate(partial(TcpGate, spec), child)


if __name__ == "__main__":
    sys.exit(run_child(TcpGateSpec, serve))
