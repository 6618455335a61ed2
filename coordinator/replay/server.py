"""Answers "what did I miss" from the journals: a process of its own, ``python -m
coordinator.replay.server``.

It is apart from hub and limiter, because a damaged journal kills whoever maps it, and is started
with a ReplaySpec (cluster.child_process). It holds nothing between two questions but those that
wait: a slice is bounded, the next is sent when it is asked for, and asking again is always right.

Readers are answered one after another, a slice each, smaller while others wait. One that does not
read its answers gets none until it does, so it costs the others nothing and this process a few
slices. Live events go first: the process is nice, and a slice is one short read transaction a
journal.
"""

from __future__ import annotations

import logging
import math
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import zmq

from cluster.child_process import Child, ChildSpec, run_child
from cluster.descriptors import Descriptors
from cluster.errors import AlreadyRunningError
from cluster.journal.history import History
from cluster.journal.read_marker import NAME, ReadMarker
from cluster.wire import replay
from coordinator.ipc_listener import IpcListener
from coordinator.replay.answers import Answers
from coordinator.replay.bounds import KEPT_FREE, STUCK_POLL_MS, UNREAD_SECONDS, step_back
from coordinator.replay.fair_queue import Address
from coordinator.replay.questions import Questions, for_readers

log = logging.getLogger(__name__)

SHARE: Final = 4
"""Into so many parts a slice is cut while others wait."""
TAKEN_AT_ONCE: Final = 100
UNATTENDED_S: Final = 3600.0
"""A listener says by its descriptors when there is something to do; nothing hangs on this."""
POLL_MS: Final = 500


class ReplaySpec(ChildSpec, frozen=True, kw_only=True):
    """What a replay server must know."""

    endpoint: str
    journals: str
    """The folder with a folder for each slot."""
    cluster: str
    """Store id of the cluster."""


class ReplayServer:
    """Takes questions and sends answers: ``serve`` until ``stop``. ``close`` closes the journals
    too."""

    def __init__(
        self,
        endpoint: str,
        history: History,
        cluster: str,
        context: zmq.Context[zmq.Socket[bytes]],
        clock: Callable[[], float] = time.monotonic,
        tell_full: Callable[[bool], None] = lambda full: None,
    ) -> None:
        """cluster: its store id. clock: monotonic seconds. tell_full: called with whether there is
        no room for more connections. Raises zmq.ZMQError if the endpoint
        can't be bound."""
        self.unsent = 0
        """Answers whose reader was gone, or did not read."""
        self._history = history
        self._answers = Answers(history, cluster)
        self._clock = clock
        self._tell_full = tell_full
        self._stopping = False
        self.questions = Questions()
        self._stuck: dict[Address, tuple[float, bytes]] = {}
        """Readers whose pipe is full: since when, and the answer that waits for room."""
        self._socket = for_readers(context.socket(zmq.ROUTER))
        self.listener = IpcListener(self._socket, endpoint, Descriptors(), keep=KEPT_FREE, part=3)
        self._attend_at = 0.0
        """When to look after the listener next, even if nothing says so."""
        self._poller = zmq.Poller()
        self._poller.register(self._socket, zmq.POLLIN)
        self._readers: list[int] = []
        try:
            self.listener.bind()
        except zmq.ZMQError:
            self._socket.close()
            self.listener.close()
            raise

    def stop(self) -> None:
        """End `serve` within half a second; may be called from another thread."""
        self._stopping = True

    def serve(self, is_ending: Callable[[], bool] = lambda: False) -> None:
        """Answer until ``stop``, or until `is_ending`."""
        busy = False
        while not self._stopping and not is_ending():
            wait = 0 if busy else STUCK_POLL_MS if self._stuck else POLL_MS
            ready = dict(self._poller.poll(min(wait, self._attend_in_ms())))
            if self._socket in ready:
                self._take_questions()
            if self._clock() >= self._attend_at or any(fd in ready for fd in self._readers):
                self._attend()
            self._retry()
            busy = self._answer_one()

    def _attend_in_ms(self) -> int:
        return max(0, math.ceil((self._attend_at - self._clock()) * 1000))

    def _attend(self) -> None:
        """Let those in who wait to be connected, if there is room."""
        wait = self.listener.attend()
        self._tell_full(self.listener.full)
        self._attend_at = self._clock() + (UNATTENDED_S if wait is None else wait)
        for fd in self._readers:
            self._poller.unregister(fd)
        self._readers = self.listener.readers()
        for fd in self._readers:
            self._poller.register(fd, zmq.POLLIN)

    def close(self) -> None:
        self._socket.close(0)
        self.listener.close()
        self._history.close()

    # -- questions -----------------------------------------------------------------------------

    def _take_questions(self) -> None:
        for _ in range(TAKEN_AT_ONCE):
            try:
                frames = self._socket.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                return
            refused = self.questions.take_in(frames)
            if refused is not None and refused.reader not in self._stuck:
                self._send(refused.reader, replay.encode(refused.refusal))

    # -- answers -------------------------------------------------------------------------------

    def _answer_one(self) -> bool:
        """Answer whoever is next and has room. False: there is nobody."""
        for _ in range(self.questions.readers):
            queued = self.questions.take()
            assert queued is not None
            if queued.reader in self._stuck:
                self.questions.put_back(queued)
                continue
            share = SHARE if self.questions.readers else 1
            answer = self._answers.answer(queued.question, share)
            self._send(queued.reader, replay.encode(answer))
            return True
        return False

    def _send(self, reader: Address, answer: bytes) -> None:
        try:
            self._socket.send_multipart([*reader, answer], zmq.NOBLOCK)
        except zmq.ZMQError as error:
            if error.errno == zmq.EHOSTUNREACH:
                self.unsent += 1
            elif error.errno == zmq.EAGAIN:
                self._stuck[reader] = (self._clock(), answer)
            else:
                raise

    def _retry(self) -> None:
        """Try answers again that found their reader's pipe full."""
        for reader, (since, answer) in list(self._stuck.items()):
            del self._stuck[reader]
            if self._clock() - since > UNREAD_SECONDS:
                self.unsent += 1
                continue
            self._send(reader, answer)
            if reader in self._stuck:
                self._stuck[reader] = (since, answer)


def serve(spec: ReplaySpec, child: Child) -> None:
    """Serve until the child is ending. ClusterError: the endpoint can't be bound."""
    root = Path(spec.journals)
    marker = noted_in(root)
    history = History(root, spec.cluster, marker=marker)

    def tell_full(full: bool) -> None:
        if marker is not None:
            marker.full = full

    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    try:
        server = ReplayServer(
            spec.endpoint, history, spec.cluster, context, tell_full=tell_full
        )  # fmt: skip
    except zmq.ZMQError as error:
        context.term()
        raise AlreadyRunningError(f"{spec.endpoint} can't be bound: {error.strerror}") from error
    child.ready()
    try:
        server.serve(child.is_ending)
    finally:
        server.close()
        context.term()


def noted_in(root: Path) -> ReadMarker | None:
    """Return where it is noted what is being read; None: that can't be, and a damaged journal kills
    this process as often as it is asked for."""
    try:
        root.mkdir(parents=True, exist_ok=True, mode=0o700)
        return ReadMarker(root / NAME)
    except OSError as error:
        log.warning("what is being read can't be noted in %s: %s", root, error)
        return None


if __name__ == "__main__":
    step_back()  # first: a process that leaves no core can't write to its own /proc/self
    sys.exit(run_child(ReplaySpec, serve, interrupt=True))
