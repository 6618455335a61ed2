"""Answers "what did I miss" where journals lie on several hosts: a process of its own, ``python -m
coordinator.replay_door.server``.

It stands where the replay server of a cluster on one host does, speaks as it does
(cluster.wire.replay), and asks the replay servers of the hosts, through the host gate. It holds
nothing between two questions but those that wait and what it knows of the hosts, and asking again
is always right. It is started with a DoorSpec (cluster.child_process).

A reader has some questions under way at most, the next is the one of who waits longest, and one
that does not read its answers gets none until it does.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Any, Final

import zmq
import zmq.asyncio

from cluster.child_process import Child, ChildSpec, run_child
from cluster.control_connection import ControlConnection
from cluster.descriptors import Descriptors
from cluster.errors import AlreadyRunningError
from cluster.wire import replay
from cluster.wire.hosts import KnownHosts
from coordinator.ipc_listener import IpcListener, attended
from coordinator.replay.bounds import KEPT_FREE, STUCK_POLL_MS, UNREAD_SECONDS, step_back
from coordinator.replay.fair_queue import Address, QueuedQuestion
from coordinator.replay.questions import Questions, for_readers
from coordinator.replay.server import noted_in
from coordinator.replay_door.answers import DoorAnswers
from coordinator.replay_door.host_questions import HostQuestions
from coordinator.replay_door.host_view import HostView

log = logging.getLogger(__name__)

UNDER_WAY: Final = 256
"""Questions that are being answered at a time; their slices are fewer (host_questions.EACH)."""
UNDER_WAY_EACH: Final = 8
"""Questions of one reader that are being answered at a time: as many as a Subscriber asks."""
KNOWN_S: Final = 1.0
"""How long the coordinator may take to say which hosts there are."""
LOOK_S: Final = 0.25
HOSTS: Final = "_hosts"
"""The verb of the control endpoint."""


class DoorSpec(ChildSpec, frozen=True, kw_only=True):
    """What a replay door must know."""

    endpoint: str
    hosts: str
    """Where the host gate passes questions on."""
    control: str
    """The coordinator's control endpoint."""
    notes: str
    """The folder in which it is noted that there is no room for more connections."""
    cluster: str
    """Store id of the cluster."""


class ReplayDoor:
    """Takes questions and sends answers while `run` does. ``close`` it after that."""

    def __init__(
        self,
        context: zmq.asyncio.Context,
        endpoint: str,
        answer: Callable[[replay.Request], Awaitable[replay.Response]],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """answer: what is answered. clock: monotonic seconds. Raises zmq.ZMQError if the endpoint
        can't be bound."""
        self.unsent = 0
        """Answers whose reader was gone, or did not read."""
        self._answer = answer
        self._clock = clock
        self.questions = Questions()
        self._under_way: Counter[Address] = Counter()
        self._stuck: dict[Address, tuple[float, list[bytes]]] = {}
        """Readers whose pipe is full: since when, and the answers that wait for room."""
        self._is_stuck = asyncio.Event()
        self._socket = for_readers(context.socket(zmq.ROUTER))
        self.listener = IpcListener(self._socket, endpoint, Descriptors(), keep=KEPT_FREE, part=3)
        try:
            self.listener.bind()
        except zmq.ZMQError:
            self.close()
            raise

    def close(self) -> None:
        self._socket.close()
        self.listener.close()

    async def run(self) -> None:
        """Answer until cancelled."""
        async with asyncio.TaskGroup() as group, attended(self.listener):
            group.create_task(self._retry(group))
            while True:
                frames: list[Any] = await self._socket.recv_multipart()
                self._take(frames)
                self._begin(group)

    def _take(self, frames: list[bytes]) -> None:
        refused = self.questions.take_in(frames)
        if refused is not None and refused.reader not in self._stuck:
            self._send(refused.reader, replay.encode(refused.refusal))

    # -- answers -------------------------------------------------------------------------------

    def _begin(self, group: asyncio.TaskGroup) -> None:
        """Begin with the questions whose turn it is."""
        left_out = 0
        while left_out < self.questions.readers and self._under_way.total() < UNDER_WAY:
            queued = self.questions.take()
            assert queued is not None
            reader = queued.reader
            if reader in self._stuck or self._under_way[reader] >= UNDER_WAY_EACH:
                self.questions.put_back(queued)
                left_out += 1
            else:
                self._under_way[reader] += 1
                group.create_task(self._answer_one(queued, group))

    async def _answer_one(
        self, queued: QueuedQuestion[replay.Request], group: asyncio.TaskGroup
    ) -> None:
        reader = queued.reader
        answer = replay.encode(await self._answer(queued.question))
        self._under_way[reader] -= 1
        if not self._under_way[reader]:
            del self._under_way[reader]
        if reader in self._stuck:
            self._stuck[reader][1].append(answer)
        else:
            self._send(reader, answer)
        self._begin(group)

    def _send(self, reader: Address, answer: bytes) -> None:
        if not self._is_sent(reader, answer):
            self._stuck[reader] = (self._clock(), [answer])
            self._is_stuck.set()

    def _is_sent(self, reader: Address, answer: bytes) -> bool:
        """Send an answer, or drop it since its reader is gone. False: its pipe is full."""
        sent: asyncio.Future[Any] = asyncio.ensure_future(
            self._socket.send_multipart([*reader, answer], zmq.NOBLOCK)
        )
        error = sent.exception()  # NOBLOCK: it is done
        if error is None:
            return True
        if isinstance(error, zmq.ZMQError) and error.errno == zmq.EHOSTUNREACH:
            self.unsent += 1
            return True
        if isinstance(error, zmq.ZMQError) and error.errno == zmq.EAGAIN:
            return False
        raise error

    async def _retry(self, group: asyncio.TaskGroup) -> None:
        """Try answers again that found their reader's pipe full."""
        while True:
            await self._is_stuck.wait()
            await asyncio.sleep(STUCK_POLL_MS / 1000)
            for reader, (since, answers) in list(self._stuck.items()):
                if self._clock() - since > UNREAD_SECONDS:
                    self.unsent += len(answers)
                    answers.clear()
                while answers and self._is_sent(reader, answers[0]):
                    del answers[0]
                    self._stuck[reader] = (self._clock(), answers)
                if not answers:
                    del self._stuck[reader]
            if not self._stuck:
                self._is_stuck.clear()
            self._begin(group)


async def serve_door(spec: DoorSpec, child: Child) -> None:
    """Serve until the child is ending. ClusterError: the endpoint can't be bound."""
    clock = time.monotonic
    marker = noted_in(Path(spec.notes))
    async with AsyncExitStack() as parts:
        context = zmq.asyncio.Context()
        parts.callback(context.destroy, 0)
        control = ControlConnection(spec.control)
        parts.callback(control.close)
        questions = HostQuestions(context, spec.hosts)
        parts.callback(questions.close)
        known = partial(control.exchange, HOSTS, KnownHosts, {}, KNOWN_S)
        view = HostView(spec.cluster, known, questions, clock)
        answers = DoorAnswers(spec.cluster, view, questions, clock)
        try:
            door = ReplayDoor(context, spec.endpoint, answers.answer)
        except zmq.ZMQError as error:
            why = f"{spec.endpoint} can't be bound: {error.strerror}"
            raise AlreadyRunningError(why) from error
        parts.callback(door.close)
        child.ready()
        async with asyncio.TaskGroup() as group:
            running = [group.create_task(part.run()) for part in (questions, view, door)]
            while not child.is_ending():
                if marker is not None:
                    marker.full = door.listener.full
                await asyncio.sleep(LOOK_S)
            for task in running:
                task.cancel()


def work(spec: DoorSpec, child: Child) -> None:
    """Do the work of the process until it ends."""
    asyncio.run(serve_door(spec, child))


if __name__ == "__main__":
    step_back()  # first: a process that leaves no core can't write to its own /proc/self
    sys.exit(run_child(DoorSpec, work))
