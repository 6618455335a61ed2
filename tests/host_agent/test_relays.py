"""The ways of events and replay, with a worker's own socket at one end and a played coordinator at
the other: real sockets, real keys."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
import zmq

from cluster.endpoints.paths import ClusterPaths
from cluster.errors import ConfigError
from host_agent.relays import Outside, Relays
from shard_worker.delivery.hub_socket import HubSocket
from tests.host_agent.played_coordinator import PlayedCoordinator

IDENTITY = b"host-1/0123456789abcdef"
PROMPT_S = 2.0
"""A close that waits for a full way takes ZmqProxy.close's 5 s."""


class Rig:
    """The relays of a host, a worker's socket on this side, a coordinator on the other."""

    def __init__(self, folder: Path) -> None:
        self.coordinator = PlayedCoordinator()
        self.paths = ClusterPaths(name="host-1", state_dir=folder, runtime_dir=folder)
        self.relays = Relays(self.paths, self.coordinator.keys(), IDENTITY)
        self.there: list[bool] = []
        self.worker = HubSocket(
            self.paths.hub_of(0),
            100,
            on_there=lambda: self.there.append(True),
            on_gone=lambda: self.there.append(False),
            on_room=lambda: None,
        )

    async def open(self) -> None:
        """Open the ways, and wait until events can go."""
        outside = (self.coordinator.events_endpoint,), self.coordinator.replay_endpoint
        self.relays.open(Outside(*outside))
        self.worker.start(asyncio.get_running_loop())
        await self.coordinator.until(lambda: self.there == [True])

    async def fill(self, size: int) -> int:
        """Send numbered messages, which nobody reads, until no more go; return how many went."""
        sent, stuck_since = 0, time.monotonic()
        while time.monotonic() - stuck_since < 0.5:
            while self.worker.send(sent.to_bytes(4, "big") + bytes(size)):
                sent, stuck_since = sent + 1, time.monotonic()
            self.worker.flush()
            await asyncio.sleep(0.005)
        return sent

    def close(self) -> None:
        self.worker.close()
        self.relays.close()
        self.coordinator.close()


def run(folder: Path, scenario: Callable[[Rig], Coroutine[Any, Any, None]]) -> None:
    async def all_of_it() -> None:
        rig = Rig(folder)
        try:
            await scenario(rig)
        finally:
            rig.close()

    asyncio.run(all_of_it())


def test_a_worker_learns_that_the_way_is_broken_and_that_it_is_whole_again(folder: Path) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.open()
        port = int(rig.coordinator.events_endpoint.rpartition(":")[2])
        keys = rig.coordinator.server_keys
        rig.coordinator.close()
        rig.coordinator = PlayedCoordinator(keys, events_port=port)
        await rig.coordinator.until(lambda: rig.there == [True, False, True])

    run(folder, scenario)


def test_a_full_way_holds_the_worker_up_and_loses_nothing(folder: Path) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.open()
        sent = await rig.fill(100_000)
        assert sent < 1000, "there is an end to what is queued"
        assert rig.there == [True]
        read: list[int] = []

        def read_on() -> bool:
            while rig.coordinator.events.poll(0):
                read.append(int.from_bytes(rig.coordinator.events.recv()[:4], "big"))
            rig.worker.flush()
            return len(read) == sent

        await rig.coordinator.until(read_on)
        assert read == list(range(sent))

    run(folder, scenario)


def test_a_full_way_is_closed_at_once(folder: Path) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.open()
        await rig.fill(100_000)
        began = time.monotonic()
        rig.relays.close()
        assert time.monotonic() - began < PROMPT_S

    run(folder, scenario)


def test_questions_come_to_the_replay_server_and_answers_back(folder: Path) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.open()
        context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        server, outside = context.socket(zmq.ROUTER), rig.coordinator.replay
        outside.setsockopt(zmq.ROUTER_MANDATORY, 1)
        try:
            server.bind(rig.paths.replay)

            def asked() -> bool:
                with contextlib.suppress(zmq.ZMQError):  # it is not connected yet
                    outside.send_multipart([IDENTITY, b"token", b"question"], zmq.NOBLOCK)
                    return True
                return False

            await rig.coordinator.until(asked)
            await rig.coordinator.until(lambda: bool(server.poll(0)))
            reader, *question = server.recv_multipart()
            assert question == [b"token", b"question"]
            server.send_multipart([reader, b"token", b"answer"])
            await rig.coordinator.until(lambda: bool(outside.poll(0)))
            assert outside.recv_multipart() == [IDENTITY, b"token", b"answer"]
        finally:
            server.close(0)
            context.term()

    run(folder, scenario)


def test_the_same_way_is_left_alone_and_another_one_made(folder: Path) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.open()
        events, replay = rig.coordinator.events_endpoint, rig.coordinator.replay_endpoint
        rig.relays.open(Outside((events,), replay))
        await asyncio.sleep(0)
        assert rig.there == [True]
        rig.relays.open(Outside((events,), replay), anew=True)
        await rig.coordinator.until(lambda: rig.there == [True, False, True])
        rig.relays.open(Outside((events, events), replay))
        await rig.coordinator.until(lambda: rig.there == [True, False, True, False, True])

    run(folder, scenario)


def test_an_endpoint_that_is_none(folder: Path) -> None:
    async def scenario(rig: Rig) -> None:
        with pytest.raises(ConfigError, match="nowhere to connect"):
            rig.relays.open(Outside(("tcp://*:1",), "tcp://127.0.0.1:2"))

    run(folder, scenario)
