"""Connections to ipc endpoints: all get in while there is room, and who finds none ends nothing.

What is in the process with few descriptors is one of each kind of endpoint that others of the host
can connect to.
"""

from __future__ import annotations

import asyncio
import os
import select
import socket as sockets
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest
import zmq
import zmq.asyncio

from cluster.descriptors import EXACT_BELOW, Descriptors
from coordinator.ipc_listener import IpcListener

Context = zmq.Context[zmq.Socket[bytes]]
LIMIT: Final = 96
CROWD: Final = 300
WITHIN_S: Final = 60
PROGRAM: Final = textwrap.dedent("""
    import asyncio, json, resource, sys, threading
    from pathlib import Path
    import zmq, zmq.asyncio
    from cluster.journal.history import History
    from coordinator.control.server import ControlServer
    from cluster.descriptors import Descriptors, open_descriptors
    from coordinator.hub.hub import Hub
    from coordinator.replay.server import ReplayServer
    from coordinator.workers.link import WorkerLink

    folder, limit = sys.argv[1], int(sys.argv[2])
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))

    async def main():
        context = zmq.Context()
        descriptors = Descriptors()
        control = ControlServer(
            zmq.asyncio.Context(context), f"ipc://{folder}/control", descriptors)
        link = WorkerLink(zmq.asyncio.Context(context), f"ipc://{folder}/link", descriptors)
        hub = Hub(context, workers_endpoint=f"ipc://{folder}/hub",
                  subscribers_endpoint=f"ipc://{folder}/events", descriptors=descriptors)
        history = History(Path(folder), "0123456789abcdef")
        told = {}
        replay = ReplayServer(f"ipc://{folder}/replay", history, "0123456789abcdef", context,
                              tell_full=lambda full: told.update(replay=full))
        threading.Thread(target=replay.serve, daemon=True).start()
        control.bind()
        link.bind()
        listeners = {each.name: each for each in
                     (control.listener, link.listener, replay.listener, *hub.listeners)}

        async def state(args):
            return {"open": open_descriptors(),
                    "connections": {name: each.connections for name, each in listeners.items()},
                    "told": told,
                    "full": [name for name, each in listeners.items() if each.full]}

        tasks = [asyncio.ensure_future(link.run(lambda slot, message: None)),
                 asyncio.ensure_future(control.run({"state": state}))]
        print("ready", flush=True)
        await asyncio.gather(*tasks)

    asyncio.run(main())
""")


class Crowded:
    """A process that may open few descriptors, and what it says of itself."""

    def __init__(self, folder: Path, context: Context) -> None:
        self.folder = folder
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(folder), str(LIMIT)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "ready\n", self.process.communicate()
        self._asking = context.socket(zmq.DEALER)
        self._asking.connect(f"ipc://{folder}/control")

    def state(self) -> dict[str, Any]:
        request = {"v": 1, "id": 1, "verb": "state", "args": {}}
        self._asking.send(msgspec.msgpack.encode(request))
        assert self._asking.poll(WITHIN_S * 1000), self.words()
        answer: dict[str, Any] = msgspec.msgpack.decode(self._asking.recv())
        assert answer["ok"], answer
        result: dict[str, Any] = answer["result"]
        return result

    def until(self, condition: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        deadline = time.monotonic() + WITHIN_S
        while not condition(state := self.state()):
            assert time.monotonic() < deadline, state
            time.sleep(0.02)
        return state

    def words(self) -> str:
        """Why it has ended, if it has."""
        if self.process.poll() is None:
            return "it runs"
        return f"{self.process.returncode}: {self.process.communicate()[1]}"

    def close(self) -> None:
        self._asking.close(0)
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def context() -> Iterator[Context]:
    made: Context = zmq.Context()
    made.set(zmq.MAX_SOCKETS, 2 * CROWD)
    yield made
    made.destroy(0)


@pytest.fixture
def crowded(short_folder: Path, context: Context) -> Iterator[Crowded]:
    made = Crowded(short_folder, context)
    yield made
    made.close()


@pytest.mark.parametrize(
    ("endpoint", "kinds"),
    [
        ("events", (zmq.SUB,)),
        ("hub", (zmq.PUB, zmq.SUB)),
        ("replay", (zmq.DEALER, zmq.PUSH)),
        ("link", (zmq.DEALER, zmq.PUSH)),
        ("control", (zmq.DEALER, zmq.PUSH)),
    ],
)
def test_a_crowd_ends_nothing_and_who_waits_gets_in_when_others_leave(
    crowded: Crowded, context: Context, endpoint: str, kinds: tuple[int, ...]
) -> None:
    hears = context.socket(zmq.SUB)
    hears.subscribe(b"")
    hears.connect(f"ipc://{crowded.folder}/events")
    worker = context.socket(zmq.XPUB)
    worker.connect(f"ipc://{crowded.folder}/hub")
    assert worker.poll(WITHIN_S * 1000)
    crowded.until(lambda state: state["connections"]["events"] == 1)
    crowd = []
    for number in range(CROWD):
        socket = context.socket(kinds[number % len(kinds)])
        socket.setsockopt(zmq.LINGER, 0)
        socket.connect(f"ipc://{crowded.folder}/{endpoint}")
        crowd.append(socket)
    full = crowded.until(lambda state: endpoint in state["full"])
    assert 1 < full["connections"][endpoint] < LIMIT
    assert full["open"] < LIMIT, "and some are left for files"
    assert full["told"].get("replay", False) == (endpoint == "replay")
    for number in range(50):
        worker.send(b"A.0.\0%d" % number)
    for number in range(50):
        assert hears.poll(WITHIN_S * 1000), crowded.words()
        assert hears.recv() == b"A.0.\0%d" % number, "who was in goes on, and loses nothing"
    for socket in crowd:
        socket.close()
    crowded.until(lambda state: state["full"] == [] and state["connections"][endpoint] <= 1)
    crowded.until(lambda state: not state["told"].get("replay", False))
    late = context.socket(kinds[0])
    late.connect(f"ipc://{crowded.folder}/{endpoint}")
    alone = 1 if endpoint in ("replay", "link") else 2
    after = crowded.until(lambda state: state["connections"][endpoint] == alone)
    assert after["open"] < full["open"], "what libzmq listened on for them is closed"
    assert crowded.process.poll() is None, crowded.words()


def attended_until(listener: IpcListener, condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WITHIN_S
    while not condition():
        listener.attend()
        assert time.monotonic() < deadline
        time.sleep(0.001)


def test_connections_come_and_go_and_leave_nothing_open(
    context: Context, short_folder: Path
) -> None:
    publisher = context.socket(zmq.PUB)
    listener = IpcListener(publisher, f"ipc://{short_folder}/p", Descriptors(), keep=8)
    listener.bind()
    before = len(os.listdir("/dev/fd"))
    for _ in range(30):
        readers = [context.socket(zmq.SUB) for _ in range(3)]
        for reader in readers:
            reader.connect(f"ipc://{short_folder}/p")
        attended_until(listener, lambda: listener.connections == 3)
        readers.pop().close(0)
        attended_until(listener, lambda: listener.connections == 2)
        for reader in readers:
            reader.close(0)
        attended_until(listener, lambda: listener.connections == 0)
    attended_until(listener, lambda: len(os.listdir("/dev/fd")) <= before)
    assert sorted(path.name for path in short_folder.iterdir()) == ["p"]
    publisher.close(0)
    listener.close()
    listener.close()
    assert list(short_folder.iterdir()) == []


def test_who_leaves_before_its_queue_is_drained_leaves_nothing_open(
    context: Context, short_folder: Path
) -> None:
    publisher = context.socket(zmq.PUB)
    listener = IpcListener(publisher, f"ipc://{short_folder}/p", Descriptors(), keep=8)
    listener.bind()
    before = len(os.listdir("/dev/fd"))
    for _ in range(20):
        with sockets.socket(sockets.AF_UNIX) as probe:
            probe.connect(f"{short_folder}/p")
            listener.attend()
        attended_until(listener, lambda: len(os.listdir("/dev/fd")) <= before)
    publisher.close(0)
    listener.close()


def settle(context: Context, folder: Path) -> None:
    """Return when the context's I/O thread has done all that it had begun: it has one, which does
    one thing after another."""
    with context.socket(zmq.PAIR) as one, context.socket(zmq.PAIR) as other:
        one.bind(f"ipc://{folder}/settle")
        other.connect(f"ipc://{folder}/settle")
        for _ in range(3):
            one.send(b"")
            assert other.poll(WITHIN_S * 1000)
            other.send(other.recv())
            assert one.poll(WITHIN_S * 1000)
            one.recv()


def test_a_message_that_an_unbind_takes_in_is_read(context: Context, short_folder: Path) -> None:
    """Who sent it has left: what it came by is unbound, and the socket learns of the message by
    that. The connection does not end before its last message is read, so nothing else comes that
    would wake who reads."""

    async def scenario() -> None:
        router = zmq.asyncio.Context(context).socket(zmq.ROUTER)
        listener = IpcListener(router, f"ipc://{short_folder}/r", Descriptors(), keep=8)
        try:
            listener.bind()
            reading = asyncio.ensure_future(router.recv_multipart())
            with zmq.Context() as elsewhere:
                dealer = elsewhere.socket(zmq.DEALER)
                dealer.connect(f"ipc://{short_folder}/r")
                attended_until(listener, lambda: listener.connections == 1)
                attended_until(listener, lambda: listener.attend() is None)
                dealer.send(b"last words")
                dealer.close()
            assert select.select(listener.readers()[:1], [], [], WITHIN_S)[0], "it has left"
            settle(context, short_folder)
            listener.attend()
            assert listener.connections == 0
            async with asyncio.timeout(WITHIN_S):
                assert (await reading)[1:] == [b"last words"]
        finally:
            router.close(0)
            listener.close()

    asyncio.run(scenario())


def test_descriptors_are_counted_where_few_are_left() -> None:
    counted = []

    def count() -> int:
        counted.append(1)
        return 10

    few = Descriptors(100, count)
    assert few.spare == 90
    assert few.take(50, 40)
    assert few.take(50, 40), "those that were taken are not open yet, or are closed again"
    assert not few.take(51, 40)
    assert len(counted) == 4
    many = Descriptors(10 * EXACT_BELOW, count)
    del counted[:]
    for _ in range(20):
        assert many.take(100, 64)
    assert len(counted) == 1
