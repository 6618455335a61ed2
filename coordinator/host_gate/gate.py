"""The way in for host agents: a process of its own, ``python -m coordinator.host_gate.gate``.

Agents connect to three endpoints on TCP, with CURVE, and with a key that has the right "host":

    control   ROUTER  <->  DEALER, connected to the coordinator     [host id][message]
    events    XSUB    <->  XPUB, connected to a hub                 one pair a hub, ports +0, +1 ...
    replay    ROUTER  <->  DEALER, bound for the replay door        [host id][token][message]

Of events nothing is dropped here: XPUB waits where its hub does (XPUB_NODROP), XSUB is not read
then, TCP fills up, and the workers' cursors stand still. Subscriptions and cancels pass through: a
worker learns that the way to its hub broke, wherever it did, and steps back when it is there again.
Decryption takes nine tenths of what that costs, so each hub has an I/O thread.

Of control and replay each message is looked at: an agent says as whom it speaks, and may be only
what its key names. What can't be passed on at once is dropped: a host that does not read holds up
nobody, and both sides say again what they have to say.

It is started with a HostGateSpec (cluster.child_process). If it dies it is started again:
agents connect anew, and say everything anew.
"""

from __future__ import annotations

import contextlib
import os
import sys
from functools import partial
from typing import Final

import msgspec
import zmq

from cluster.child_process import Child, run_child
from cluster.endpoints.tcp import HOST_LOST_MS, lose_soon, port_after
from cluster.wire import control, topic
from cluster.wire.status import HostGateReport
from coordinator.host_gate.host_relay import HostIds, HostRelay
from coordinator.tcp_gate.base import Gate, GateSpec, serve_gate
from coordinator.tcp_gate.zap import HOSTS_DOMAIN

MAX_CONTROL_BYTES: Final = 8 * 1024 * 1024
"""The most bytes of a message of an agent: a worker's report of many thousand shards fits."""
MAX_ANSWER_BYTES: Final = topic.MAX_MESSAGE + 1024 * 1024
"""The most bytes of an answer to a question about journals: it has one message at least, which may
be the largest there is."""
CONTROL_HWM: Final = 1_000
"""Messages of or for one host, or the coordinator, that wait."""
QUESTIONS_HWM: Final = 256
"""Questions for one host that wait."""
ANSWERS_HWM: Final = 8
"""Answers of one host, or for the replay door, that wait."""
EVENTS_HWM: Final = 100
"""Messages (batches) of one host, or for one hub, that wait. What waits is memory: 6 MB a host, of
a flood's batches of 60 kB. Of 600 B a batch 235,000 a second passed with 100, two hosts and all
processes on two cores, 100,000 with 32, 290,000 with 200, and no more with 1,000 (docs/scaling.md).
"""
RECONNECT_MS: Final = 200
LOST_AFTER_MS: Final = 20_000
"""A host's connection is over when what was sent was not acknowledged for so long (tcp(7),
TCP_USER_TIMEOUT); the system's own patience is a quarter of an hour."""
MOST_MEMORY: Final = 2 << 30
"""Resident bytes at which it ends, to be started again: what hosts send and do not read is held
here, and ZeroMQ bounds it by the connection only."""


class HostGateSpec(GateSpec, frozen=True, kw_only=True):
    """What a host gate must know. `outside` has "control", "events" (of the first hub; those of the
    others have the ports that follow) and "replay"."""

    hosts: str
    """Local endpoint where the coordinator hears of hosts."""
    replay: str
    """Local endpoint that is bound here, for the replay door."""
    hubs: list[str]
    """Local endpoints of the hubs, where workers publish."""
    control: str
    """Local endpoint of the coordinator's verbs: for this gate's own reports."""
    most_memory: int = MOST_MEMORY


class HostGate(Gate):
    """The sockets of a host gate."""

    def __init__(self, spec: HostGateSpec, refused: int = 0) -> None:
        """refused: how many the sockets before these refused."""
        self._spec = spec
        self._number = 0
        self._relays: list[HostRelay] = []
        self._ids = HostIds()
        events = {
            _events(hub): port_after(spec.outside["events"], hub) for hub in range(len(spec.hubs))
        }
        super().__init__(
            spec,
            {**spec.outside, **events},
            most_memory=spec.most_memory,
            refused=refused,
            domain=HOSTS_DOMAIN,
            io_threads=len(spec.hubs),
        )

    @property
    def refused(self) -> int:
        """How many were not let in, and messages that were none of the sender's, by these sockets
        and those before."""
        return super().refused + sum(relay.refused for relay in self._relays)

    def _open(self) -> None:
        self._open_reports()
        self._open_control()
        self._open_replay()
        for hub, endpoint in enumerate(self._spec.hubs):
            self._open_events(hub, endpoint)

    def _open_reports(self) -> None:
        self._reports = self._inner(zmq.DEALER)
        self._stack.callback(self._reports.close)
        self._reports.connect(self._spec.control)
        self._listen_to(self._reports, self._take_answer)

    def _take_answer(self) -> None:
        self._reports.recv()  # that a report was taken is all that it says

    def _open_control(self) -> None:
        inside, outside = self._routed("control", 1, MAX_CONTROL_BYTES, CONTROL_HWM, CONTROL_HWM)
        inside.connect(self._spec.hosts)
        self._listeners.bind(outside, "control")

    def _open_replay(self) -> None:
        inside, outside = self._routed("replay", 2, MAX_ANSWER_BYTES, QUESTIONS_HWM, ANSWERS_HWM)
        inside.bind(self._spec.replay)
        self._listeners.bind(outside, "replay")

    def _routed(
        self, name: str, parts: int, most_bytes: int, send_hwm: int, receive_hwm: int
    ) -> tuple[zmq.Socket[bytes], zmq.Socket[bytes]]:
        """Make the sockets of a relay, the one inside and the one outside, not connected yet. The
        high-water marks are those of the one outside."""
        inside = self._inner(zmq.DEALER)
        self._stack.callback(inside.close)
        inside.setsockopt(zmq.SNDHWM, receive_hwm)
        inside.setsockopt(zmq.RCVHWM, send_hwm)
        outside = self._listeners.make(zmq.ROUTER, most_bytes, send_hwm, receive_hwm)
        lose_soon(outside, HOST_LOST_MS)
        self._stack.callback(outside.close)
        outside.setsockopt(zmq.TCP_MAXRT, LOST_AFTER_MS)
        outside.setsockopt(zmq.ROUTER_MANDATORY, 1)
        outside.setsockopt(zmq.ROUTER_HANDOVER, 1)  # an agent comes back before TCP notices
        relay = HostRelay(name, outside, inside, self._keyring, self._ids, parts)
        self._relays.append(relay)
        self._listen_to(inside, relay.take_for_hosts)
        self._listen_to(outside, relay.take_from_hosts)
        return inside, outside

    def _open_events(self, hub: int, endpoint: str) -> None:
        outside = self._listeners.make(zmq.XSUB, topic.MAX_MESSAGE, CONTROL_HWM, EVENTS_HWM)
        lose_soon(outside, HOST_LOST_MS)
        inside = self._inner(zmq.XPUB)
        try:
            inside.setsockopt(zmq.XPUB_NODROP, 1)
            inside.setsockopt(zmq.IMMEDIATE, 1)  # else it goes on while its hub is away
            inside.setsockopt(zmq.SNDHWM, EVENTS_HWM)
            inside.setsockopt(zmq.RECONNECT_IVL, RECONNECT_MS)
            inside.connect(endpoint)
            self._listeners.bind(outside, _events(hub))
        except BaseException:
            inside.close(0)
            outside.close(0)
            raise
        self._start_proxy(_events(hub), front=outside, back=inside)

    def _report(self, now: float) -> None:
        report = HostGateReport(
            pid=os.getpid(),
            connections=self._listeners.connected("control", now),
            refused=self.refused,
            dropped=sum(relay.dropped for relay in self._relays),
            full=self._is_full(),
            trouble=self._keyring.trouble,
        )
        self._number += 1
        args = msgspec.Raw(control.encode(report))
        request = control.SealedRequest(id=self._number, verb="_host_gate", args=args)
        with contextlib.suppress(zmq.Again):  # it takes none now; another one follows in a second
            self._reports.send(control.encode(request), zmq.NOBLOCK)


def _events(hub: int) -> str:
    """Return the name of the socket for the events of a hub."""
    return f"events of hub {hub}" if hub else "events"


def serve(spec: HostGateSpec, child: Child) -> None:
    """Serve until the child is ending. ClusterError as serve_gate."""
    serve_gate(partial(HostGate, spec), child)


if __name__ == "__main__":
    sys.exit(run_child(HostGateSpec, serve))
