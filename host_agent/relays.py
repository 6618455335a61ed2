"""The ways of events and of replay between this host and the coordinator, in threads of libzmq's
proxy: no message passes through Python.

Events: workers write to an XSUB on this host, from which they come to an XPUB that is connected to
the coordinator's. Nothing is lost in between. XPUB_NODROP: where the way is full the proxy waits,
then the workers' sockets are full, and their journals are the queue. IMMEDIATE: when the connection
breaks its subscription ends with it, and workers hear that; what was under way is gone, and they
publish again from where it is known to have come out (shard_worker.delivery.hub_socket). A way that
takes nothing for HOST_LOST_MS counts as broken, too: TCP_USER_TIMEOUT makes no difference between
an end that does not read and one that is not there (measured: 4.5 s after it was full).
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import zmq

from cluster.endpoints.curve_client import connect
from cluster.endpoints.curve_keys import ClientKeys
from cluster.endpoints.paths import ClusterPaths
from cluster.endpoints.tcp import HOST_LOST_MS, lose_soon
from cluster.errors import AlreadyRunningError
from cluster.wire import topic
from coordinator.zmq_proxy import ZmqProxy

EVENTS_HWM: Final = 100
"""Messages (batches) that wait on each side of a relay: as many as are lost at most, and published
again, when the connection breaks."""
QUESTIONS_HWM: Final = 16
"""Questions, or answers, that wait on each side."""
MAX_QUESTION_BYTES: Final = 64 * 1024
MAX_SUBSCRIPTION_BYTES: Final = 768
"""The most bytes that the coordinator's side may say on the way of events: the last message of a
handshake must fit, too."""


class Outside(NamedTuple):
    """Where the coordinator is reached."""

    events: tuple[str, ...]
    """An endpoint for each hub."""
    replay: str


class Relays:
    """All relays of a host, from `open` until `close`."""

    def __init__(self, paths: ClusterPaths, keys: ClientKeys, identity: bytes) -> None:
        """identity: the host id, by which the coordinator's side finds the host's journals."""
        self._paths = paths
        self._keys = keys
        self._identity = identity
        self._outside: Outside | None = None
        self._relays: list[Relay] = []

    def open(self, outside: Outside, *, anew: bool = False) -> None:
        """Let them lead there. Those that do already stay, unless they are to be made anew.
        ClusterError: an endpoint is none, or can't be bound."""
        if outside == self._outside and not anew and all(relay.alive for relay in self._relays):
            return
        self.close()
        for hub, endpoint in enumerate(outside.events):
            self._relays.append(event_relay(self._paths.hub_of(hub), endpoint, self._keys))
        self._relays.append(
            replay_relay(self._paths.replay, outside.replay, self._keys, self._identity)
        )
        self._outside = outside

    def close(self) -> None:
        """End them, whatever they wait for. Calling it again does nothing."""
        self._outside = None
        while self._relays:
            self._relays.pop().close()


class Relay:
    """Two sockets and the thread between them, in a context of their own: it may wait for room when
    it is to end."""

    def __init__(self, name: str, inside: int, outside: int) -> None:
        """inside, outside: kinds of the sockets; whoever makes it connects them, and begins."""
        self._name = name
        self._proxy: ZmqProxy | None = None
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self.inside = self._context.socket(inside)
        self.outside = self._context.socket(outside)
        for socket in (self.inside, self.outside):
            socket.setsockopt(zmq.LINGER, 0)  # now: it can't be set once the context ends
        self.outside.setsockopt(zmq.IMMEDIATE, 1)
        lose_soon(self.outside, HOST_LOST_MS)

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self._proxy is not None and self._proxy.alive

    def begin(self) -> Relay:
        """Pass on what comes, from now on."""
        self._proxy = ZmqProxy(self._name, self.inside, self.outside)
        return self

    def close(self) -> None:
        """End at once, even where the thread waits for room."""
        if self._proxy is not None:
            self._proxy.end_with_context()
            return
        self.inside.close(0)
        self.outside.close(0)
        self._context.term()


def event_relay(inside: str, outside: str, keys: ClientKeys) -> Relay:
    """Return the way of a hub's events. inside: where workers publish. ClusterError as
    Relays.open."""
    relay = Relay("events", zmq.XSUB, zmq.XPUB)
    try:
        relay.inside.setsockopt(zmq.RCVHWM, EVENTS_HWM)
        relay.inside.setsockopt(zmq.MAXMSGSIZE, topic.MAX_MESSAGE)
        relay.outside.setsockopt(zmq.SNDHWM, EVENTS_HWM)
        relay.outside.setsockopt(zmq.XPUB_NODROP, 1)
        relay.outside.setsockopt(zmq.MAXMSGSIZE, MAX_SUBSCRIPTION_BYTES)
        _bind(relay.inside, inside)
        connect(relay.outside, outside, keys)
    except BaseException:
        relay.close()
        raise
    return relay.begin()


def replay_relay(inside: str, outside: str, keys: ClientKeys, identity: bytes) -> Relay:
    """Return the way of questions to the replay server, which may be started later, and of its
    answers. inside: where it listens. ClusterError as Relays.open."""
    relay = Relay("replay", zmq.DEALER, zmq.DEALER)
    try:
        for socket in (relay.inside, relay.outside):
            socket.setsockopt(zmq.SNDHWM, QUESTIONS_HWM)
            socket.setsockopt(zmq.RCVHWM, QUESTIONS_HWM)
        relay.outside.setsockopt(zmq.IDENTITY, identity)
        relay.outside.setsockopt(zmq.MAXMSGSIZE, MAX_QUESTION_BYTES)
        connect(relay.inside, inside, None)
        connect(relay.outside, outside, keys)
    except BaseException:
        relay.close()
        raise
    return relay.begin()


def _bind(socket: zmq.Socket[Any], endpoint: str) -> None:
    try:
        socket.bind(endpoint)
    except zmq.ZMQError as error:
        raise AlreadyRunningError(f"{endpoint} can't be bound: {error.strerror}") from error
