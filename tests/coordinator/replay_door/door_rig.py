"""A replay door between a host gate, whose hosts are played, and readers."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import zmq
import zmq.asyncio

from cluster.subscriber.replay_client import ReplayClient
from cluster.wire import replay
from cluster.wire.hosts import KnownHost, KnownHosts, host_id
from cluster.wire.states import HostState
from coordinator.replay_door.answers import DoorAnswers
from coordinator.replay_door.host_questions import HostQuestions
from coordinator.replay_door.host_view import HostView
from coordinator.replay_door.server import ReplayDoor
from tests.coordinator.replay_door.shard_world import STORE, PlayedHistory

WITHIN_S = 60.0
Answer = Callable[[replay.Request], replay.Response | bytes | None]


def id_of(name: str) -> str:
    return host_id(name, "0" * 16).decode()


def of_journals(history: PlayedHistory) -> Answer:
    """Return how a host answers that has these journals."""

    def answer(question: replay.Request) -> replay.Response:
        if isinstance(question, replay.HeadsRequest):
            rows = history.rows()
            return replay.HeadsAnswer(id=question.id, cluster=STORE, shards=rows.shards)
        return history.answer(question)

    return answer


class PlayedGate:
    """The host gate's end, with all hosts behind it."""

    def __init__(self, context: zmq.asyncio.Context, endpoint: str) -> None:
        self.hosts: dict[str, Answer] = {}
        """Host id -> how it answers."""
        self.asked: list[tuple[str, replay.Request]] = []
        self.socket = context.socket(zmq.DEALER)
        self.socket.linger = 0
        self.socket.bind(endpoint)

    async def run(self) -> None:
        while True:
            frames: list[Any] = await self.socket.recv_multipart()
            host, token, data = frames
            question = replay.decode_request.decode(data)
            self.asked.append((host.decode(), question))
            answers = self.hosts.get(host.decode())
            if answers is not None and (answer := answers(question)) is not None:
                raw = answer if isinstance(answer, bytes) else replay.encode(answer)
                await self.socket.send_multipart([host, token, raw])

    def ranges(self) -> list[str]:
        """Return who was asked for a slice, in order, and forget it."""
        asked = [host for host, question in self.asked if isinstance(question, replay.RangeRequest)]
        self.asked.clear()
        return [host.split("/")[0] for host in asked]


class DoorRig:
    """The door, what it knows, and who asks it."""

    def __init__(self, folder: str) -> None:
        self.context = zmq.asyncio.Context()
        self.plain: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self.endpoint = f"ipc://{folder}/r"
        self.gate = PlayedGate(self.context, f"ipc://{folder}/g")
        self.known = KnownHosts(cluster=STORE, hosts=[], settled=True)
        self.coordinator_is_there = True
        self.questions = HostQuestions(self.context, f"ipc://{folder}/g")
        self.view = HostView(STORE, self._ask, self.questions, time.monotonic)
        self.answers = DoorAnswers(STORE, self.view, self.questions, time.monotonic)
        self.door = ReplayDoor(self.context, self.endpoint, self.answers.answer)

    async def _ask(self) -> KnownHosts:
        if not self.coordinator_is_there:
            raise TimeoutError
        return self.known

    def host(self, name: str, answer: Answer | None, state: HostState = HostState.HERE) -> None:
        """Let the coordinator know a host in this state. answer: None: it does not."""
        others = [host for host in self.known.hosts if host.name != name]
        host = KnownHost(name=name, id=id_of(name), state=state)
        self.known = KnownHosts(
            cluster=STORE, hosts=[*others, host], settled=self.known.settled
        )  # fmt: skip
        self.gate.hosts[id_of(name)] = answer or (lambda question: None)

    async def looked(self) -> None:
        """Wait until the door has looked at the hosts as they are now."""
        async with asyncio.timeout(WITHIN_S):
            await self.view.since(time.monotonic())

    def client(self) -> ReplayClient:
        return ReplayClient(self.plain, self.endpoint)

    def close(self) -> None:
        self.door.close()
        self.questions.close()
        self.gate.socket.close()
        self.context.destroy(0)
        self.plain.destroy(0)


@asynccontextmanager
async def door_rig() -> AsyncIterator[DoorRig]:
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        rig = DoorRig(folder)
        parts: list[Callable[[], Awaitable[None]]] = [
            rig.gate.run, rig.questions.run, rig.view.run, rig.door.run,
        ]  # fmt: skip
        tasks = [asyncio.ensure_future(run()) for run in parts]
        try:
            yield rig
            failed = [task.exception() for task in tasks if task.done()]
            assert not failed, failed
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            rig.close()
