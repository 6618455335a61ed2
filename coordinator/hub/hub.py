"""The hub: gathers the events of all workers on one socket, and sends them out on one.

SUB (to everything) -> PUB, in a thread of libzmq's own proxy: no message passes through Python.
The SUB side has the empty prefix, so that workers' sockets never filter; PUB filters for each
subscriber. What a slow subscriber loses at PUB shows in its chain, and it asks for it.

Source: ZeroMQ's zmq_proxy_steerable(3).
"""

from __future__ import annotations

import logging
from typing import Final

import zmq

from cluster.descriptors import Descriptors
from cluster.errors import AlreadyRunningError
from cluster.wire import topic
from coordinator.ipc_listener import IpcListener, ThreadListener
from coordinator.zmq_proxy import ZmqProxy

log = logging.getLogger(__name__)

SUBSCRIBER_HWM: Final = 1_000
"""Messages (batches) that wait for one subscriber; beyond that it loses some, and asks for them.

What waits is memory of this process, shared by all subscribers that wait for the same: 1 MiB at a
trickle of 600 B a batch, 73 MiB of a flood's batches of 77 kB (measured; 10,000 held 440 MiB of
6,000 such), 384 MiB at most where single events are not larger than
cluster.wire.batch_writer.MAX_DRAIN_BYTES.
"""
WORKERS_HWM: Final = 1_000
KEPT_FREE: Final = 64
"""Descriptors that subscribers leave free: for files, for children that are started again, and for
who asks the coordinator."""
FILES_OF_A_WORKER: Final = 6
"""Descriptors that a worker may need in this process: connections, and what starts it again."""
KEPT_FOR_WORKERS: Final = 16
"""Descriptors that workers leave free."""
MAX_SUBSCRIPTION: Final = topic.MAX_TOPIC + 128
"""The most bytes that a subscriber may say at once; a prefix longer than a topic takes nothing."""


class Hub:
    """Binds both endpoints when made; runs until ``close``.

    Raises AlreadyRunningError if an endpoint can't be bound. For ipc the caller holds the state
    folder's lock: a second bind on a live path succeeds and steals its clients.
    """

    def __init__(
        self,
        context: zmq.Context[zmq.Socket[bytes]],
        *,
        workers_endpoint: str,
        subscribers_endpoint: str,
        descriptors: Descriptors | None = None,
        most_workers: int = 0,
        workers_hwm: int = WORKERS_HWM,
        subscriber_hwm: int = SUBSCRIBER_HWM,
    ) -> None:
        """descriptors: those that the listeners of this process share. most_workers: subscribers
        leave room for so many."""
        descriptors = descriptors or Descriptors()
        keep = KEPT_FREE + FILES_OF_A_WORKER * most_workers
        sockets = []
        listeners = []
        try:
            workers = context.socket(zmq.SUB)
            sockets.append(workers)
            workers.setsockopt(zmq.RCVHWM, workers_hwm)
            workers.setsockopt(zmq.MAXMSGSIZE, topic.MAX_MESSAGE)
            workers.subscribe(b"")
            subscribers = context.socket(zmq.PUB)
            sockets.append(subscribers)
            subscribers.setsockopt(zmq.SNDHWM, subscriber_hwm)
            subscribers.setsockopt(zmq.MAXMSGSIZE, MAX_SUBSCRIPTION)
            subscribers.setsockopt(zmq.LINGER, 0)
            # Subscribers first: workers begin to send as soon as they are let in.
            listeners.append(
                IpcListener(subscribers, subscribers_endpoint, descriptors, keep=keep, part=5)
            )
            _bind(listeners[-1], subscribers_endpoint)
            listeners.append(
                IpcListener(workers, workers_endpoint, descriptors, keep=KEPT_FOR_WORKERS, part=16)
            )
            _bind(listeners[-1], workers_endpoint)
        except BaseException:
            for socket in sockets:
                socket.close(0)
            for listener in listeners:
                listener.close()
            raise
        self.listeners = listeners
        """For subscribers, our own connection among theirs; and for workers."""
        self._proxy = ZmqProxy("hub", workers, subscribers)
        self._attendant = ThreadListener(listeners, self._proxy.call)

    @property
    def alive(self) -> bool:
        return self._proxy.alive

    def close(self) -> None:
        """Stop the thread and unbind. Calling it again does nothing."""
        self._attendant.close()
        self._proxy.close()
        for listener in self.listeners:
            listener.close()

    @property
    def connections(self) -> int:
        """How many are connected to hear events, our own connection among them."""
        return self.listeners[0].connections


def _bind(listener: IpcListener, endpoint: str) -> None:
    try:
        listener.bind()
    except zmq.ZMQError as error:
        raise AlreadyRunningError(
            f"{endpoint} can't be bound: {error.strerror}",
            "stop what uses it, or give the cluster another address",
        ) from error


class Announcer:
    """Sends what the coordinator itself tells subscribers: it publishes to a hub as a worker does.

    To the first hub alone, which is there whenever the coordinator is: whoever wants all events
    listens to every hub, and so hears it once."""

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]], endpoint: str) -> None:
        """endpoint: where workers connect to the hub."""
        self._socket = context.socket(zmq.PUB)
        self._socket.setsockopt(zmq.LINGER, 500)
        self._socket.connect(endpoint)

    def publish(self, message: bytes) -> None:
        """Send a message, topic included; it is repeated by whoever needs it to arrive."""
        self._socket.send(message, zmq.NOBLOCK)

    def close(self) -> None:
        self._socket.close()
