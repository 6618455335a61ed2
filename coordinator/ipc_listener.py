"""Lets connections to an ipc endpoint in, so many at a time, and only while descriptors are left.

libzmq accepts whoever connects, and where no descriptor is left for one it ends the process by
SIGABRT (ipc_listener.cpp). Nothing can make it wait: to unbind an endpoint ends the connections
that came by it, and a count that is read beside it comes too late. So libzmq never listens where
people connect. There listens a socket of ours that accepts nobody: whoever connects waits in its
queue, which is bounded. When somebody waits and there is room for a whole queue, another socket
takes its place (by rename, so that there always is one), and the first goes to libzmq
(ZMQ_USE_FD), which takes those who wait and finds no more. While there is no room they wait on, and
whom the queue does not hold tries again, as ZeroMQ's sockets do by themselves.

Source: zmq_setsockopt(3), ZMQ_USE_FD; zmq_socket_monitor(3); unix(7) and listen(2).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import select
import socket as sockets
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any, Final

import zmq
from zmq.utils.monitor import parse_monitor_message

from cluster.decode_errors import worth_saying
from cluster.descriptors import Descriptors

log = logging.getLogger(__name__)

LONGEST_QUEUE: Final = 100
QUEUES_IN_SPARE: Final = 16
"""A queue is at most this part of the descriptors that were left at first."""
BESIDES: Final = 4
"""Descriptors that a queue takes besides its connections: the next socket, a copy, and for those
who came while the sockets changed places."""
SOON_S: Final = 0.002
LATER_S: Final = 0.25
_NAMES: Final = 1_000_000


class IpcListener:
    """Listens for one ZeroMQ socket. Made before anybody can connect to it; all its methods but
    `connections` and `full` belong to the thread that has the socket."""

    def __init__(
        self,
        socket: zmq.Socket[Any],
        endpoint: str,
        descriptors: Descriptors,
        keep: int,
        part: int = 1,
    ) -> None:
        """keep: descriptors that it leaves free; of few it leaves the part-th part of what was
        left at first, where that is less."""
        self._socket = socket
        self._path = Path(endpoint.removeprefix("ipc://"))
        self._descriptors = descriptors
        self._keep = min(keep, descriptors.spare // part)
        self._queue = max(1, min(LONGEST_QUEUE, descriptors.spare // QUEUES_IN_SPARE))
        self._number = 0
        self._waiting: sockets.socket | None = None
        """The socket in whose queue they wait."""
        self._given: sockets.socket | None = None
        """Ours of the one that libzmq has, while somebody may still be in its queue."""
        self._came: dict[str, set[int]] = {}
        """Endpoint of a socket that libzmq has -> descriptors of the connections that came by
        it."""
        self._by_descriptor: dict[int, str] = {}
        self.full = False
        """Whether somebody waits for whom there is no room."""
        self._refusals = 0
        where = f"inproc://listener-{id(self):x}"
        socket.monitor(where, zmq.EVENT_ACCEPTED | zmq.EVENT_DISCONNECTED)
        plain: zmq.Context[zmq.Socket[bytes]] = zmq.Context.shadow(socket.context.underlying)
        self._monitor = plain.socket(zmq.PAIR)
        self._monitor.setsockopt(zmq.RCVHWM, 0)  # a full one would stop libzmq's own thread
        self._monitor.connect(where)
        self._monitor_fd = int(self._monitor.getsockopt(zmq.FD))

    @property
    def connections(self) -> int:
        """How many are connected."""
        return len(self._by_descriptor)

    @property
    def name(self) -> str:
        """The last part of the endpoint's path."""
        return self._path.name

    def bind(self) -> None:
        """Take the endpoint's place. zmq.ZMQError if that can't be done."""
        try:
            self._waiting = self._listen()
        except OSError as error:
            raise zmq.ZMQError(error.errno or 0) from error

    def readers(self) -> list[int]:
        """Return the descriptors that become readable when `attend` has something to do."""
        if self._waiting is None or self.full or self._given is not None:
            return [self._monitor_fd]
        return [self._monitor_fd, self._waiting.fileno()]

    def attend(self) -> float | None:
        """Do what is due. Return after how many seconds to call it again even if no reader says
        so; None: then not."""
        self._read_monitor()
        if self._waiting is None:
            return None
        if self._given is not None:
            if _readable(self._given):
                return SOON_S
            place = _endpoint(self._given)
            self._given.close()
            self._given = None
            self._read_monitor()
            self._drop_empty(place)  # who left its queue may have gone again
        if not _readable(self._waiting):
            self.full = False
            return None
        if not self._admit():
            return LATER_S
        return SOON_S

    def _admit(self) -> bool:
        """Let those in who wait. False: there is no room."""
        if not self._descriptors.take(self._queue + 1 + BESIDES, self._keep):
            self._refuse("few descriptors are left")
            return False
        assert self._waiting is not None
        try:
            fresh = self._listen()
        except OSError as error:
            self._refuse(str(error))
            return False
        given, self._waiting, self.full = self._waiting, fresh, False
        fd = os.dup(given.fileno())
        try:
            self._socket.setsockopt(zmq.USE_FD, fd)
            self._socket.bind(_endpoint(given))
        except zmq.ZMQError as error:
            log.error("those who wait at %s could not be let in: %s", self._path, error)
            os.close(fd)
            given.close()
            self._look_again()
            return True
        self._given = given
        return True

    def _refuse(self, why: str) -> None:
        if not self.full:
            self._refusals += 1
            if worth_saying(self._refusals):
                log.warning("connections to %s wait: %s", self._path, why)
        self.full = True

    def _listen(self) -> sockets.socket:
        """Return a socket that listens at the endpoint, in the place of the one before."""
        self._number = (self._number + 1) % _NAMES
        place = self._path.with_name(f"{_short(self.name)}{self._number}")
        with contextlib.suppress(FileNotFoundError):
            place.unlink()
        listening = sockets.socket(sockets.AF_UNIX, sockets.SOCK_STREAM)
        try:
            listening.setblocking(False)
            listening.bind(str(place))
            listening.listen(self._queue)
            place.rename(self._path)
        except OSError:
            listening.close()
            raise
        return listening

    def _read_monitor(self) -> None:
        while True:
            try:
                event = parse_monitor_message(self._monitor.recv_multipart(zmq.NOBLOCK))
            except zmq.Again:
                return
            descriptor = event["value"]
            if event["event"] == zmq.EVENT_ACCEPTED:
                place = event["endpoint"].decode()
                self._by_descriptor[descriptor] = place
                self._came.setdefault(place, set()).add(descriptor)
            elif place := self._by_descriptor.pop(descriptor, ""):
                self._came[place].discard(descriptor)
                self._drop_empty(place)

    def _drop_empty(self, place: str) -> None:
        """Let libzmq close a socket by which somebody came and nobody is connected any more. While
        others are it stays: to unbind it would end their connections."""
        drained = self._given is None or _endpoint(self._given) != place
        if drained and place in self._came and not self._came[place]:
            del self._came[place]
            try:
                self._socket.unbind(place)
            except zmq.ZMQError as error:
                log.error("%s could not be closed: %s", place, error)
            self._look_again()

    def _look_again(self) -> None:
        """Have the socket look whether it has messages. To unbind takes in what libzmq's threads
        have told the socket, and with that the edge by which an asyncio socket learns of a message:
        its reader would sleep on until somebody else connects or speaks. A bind that succeeds does
        so too, and tells the socket of itself after that."""
        self._socket.get(zmq.EVENTS)

    def close(self) -> None:
        """Listen no more. Called when the ZeroMQ socket is closed; calling it again does
        nothing."""
        if self._monitor.closed:
            return
        self._monitor.close(0)
        for listening in (self._waiting, self._given):
            if listening is not None:
                listening.close()
        if self._waiting is not None:
            with contextlib.suppress(OSError):
                self._path.unlink()
        self._waiting = self._given = None


@contextlib.asynccontextmanager
async def attended(listener: IpcListener) -> AsyncIterator[None]:
    """Attend on the running loop to an IpcListener whose socket belongs to it."""
    loop = asyncio.get_running_loop()
    readers: list[int] = []
    timer: asyncio.TimerHandle | None = None

    def rest() -> None:
        while readers:
            loop.remove_reader(readers.pop())
        if timer is not None:
            timer.cancel()

    def attend() -> None:
        nonlocal timer
        rest()
        wait = listener.attend()
        timer = None if wait is None else loop.call_later(wait, attend)
        readers.extend(listener.readers())
        for descriptor in readers:
            loop.add_reader(descriptor, attend)

    attend()
    try:
        yield
    finally:
        rest()


class ThreadListener:
    """Attends to IpcListeners whose sockets belong to a thread that is in libzmq: a thread of its
    own waits, and has the other one do what is due."""

    def __init__(
        self, listeners: Sequence[IpcListener], call: Callable[[Callable[[], None]], bool]
    ) -> None:
        """call: has something done by the thread that has the sockets, and returns when it is done;
        False: that thread has ended."""
        self._listeners = listeners
        self._call = call
        self._wake, self._waker = os.pipe()
        self._thread = threading.Thread(target=self._run, name="listeners", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        waits: list[float] = []

        def attend() -> None:
            waits[:] = [wait for each in self._listeners if (wait := each.attend()) is not None]

        while self._call(attend):
            poller = select.poll()
            poller.register(self._wake, select.POLLIN)
            for listener in self._listeners:
                for descriptor in listener.readers():
                    poller.register(descriptor, select.POLLIN)
            ready = poller.poll(min(waits) * 1000 if waits else None)
            if any(descriptor == self._wake for descriptor, _ in ready):
                return

    def close(self) -> None:
        """Attend to them no more. Called before the other thread ends; calling it again does
        nothing."""
        if self._waker >= 0:
            os.close(self._waker)  # its other end can be read now
            self._thread.join()
            os.close(self._wake)
            self._wake = self._waker = -1


def _short(name: str) -> str:
    """Return a few letters for the name of an endpoint, other ones for each in a folder: they are
    of several processes, of which none may take another's socket for its own."""
    head, _, number = name.partition("-")
    return f"{head[0]}{head[-1]}{number}-" if number.isdigit() else f"{name[0]}{name[-1]}"


def _endpoint(listening: sockets.socket) -> str:
    return f"ipc://{listening.getsockname()}"


def _readable(listening: sockets.socket) -> bool:
    poller = select.poll()
    poller.register(listening, select.POLLIN)
    return bool(poller.poll(0))
