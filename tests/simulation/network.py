"""The ways between agents and the coordinator, and how much goes over them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from random import Random
from typing import Final, Protocol

from cluster.wire import hosts as wire

DELAY_S: Final = (0.001, 0.010)
"""Least and most seconds that a message is under way."""


ORDER_S: Final = 1e-6
"""Between two messages of one way, since timers of one moment have no order."""


class Receiver(Protocol):
    """An agent."""

    def take(self, message: wire.ToHost) -> None: ...


class Network:
    """Passes messages on, in order on each way, as bytes. What the played side of it uses of CPU is
    counted apart, so that the rest is the coordinator's."""

    def __init__(self, loop: asyncio.AbstractEventLoop, random: Random) -> None:
        self.cut: set[str] = set()
        """Hosts that nothing goes to or comes from."""
        self.to_coordinator = self.from_coordinator = 0
        """Messages."""
        self.bytes_in = self.bytes_out = 0
        self.played_ns = 0
        """CPU of the played side."""
        self._loop = loop
        self._random = random
        self._agents: dict[bytes, Receiver] = {}
        self._handler: Callable[[bytes, wire.FromHost], None] | None = None
        self._at: dict[tuple[bytes, bool], float] = {}
        """(host id, whether to the coordinator) -> when the last message of this way arrives."""

    def listen(self, handler: Callable[[bytes, wire.FromHost], None] | None) -> None:
        """Let a coordinator hear. None: it is gone."""
        self._handler = handler

    def enter(self, host_id: bytes, agent: Receiver) -> None:
        """Let an agent be reached."""
        self._agents[host_id] = agent

    def leave(self, host_id: bytes) -> None:
        """Take note that an agent is gone."""
        self._agents.pop(host_id, None)

    @contextmanager
    def playing(self) -> Iterator[None]:
        """Count the CPU of what is done meanwhile as the played side's."""
        began = time.thread_time_ns()
        try:
            yield
        finally:
            self.played_ns += time.thread_time_ns() - began

    def tell(self, host_id: bytes, message: wire.FromHost) -> None:
        """Send to the coordinator."""
        if host_id.partition(b"/")[0].decode() in self.cut:
            return
        data = wire.encode(message)
        self._loop.call_at(self._arrival(host_id, True), self._hear, host_id, data)

    def send(self, host_id: bytes, message: wire.ToHost) -> bool:
        """Send to an agent, as the coordinator does. True: what becomes of it nobody knows."""
        data = wire.encode(message)
        self.from_coordinator += 1
        self.bytes_out += len(data)
        if host_id.partition(b"/")[0].decode() not in self.cut:
            self._loop.call_at(self._arrival(host_id, False), self._deliver, host_id, data)
        return True

    def _arrival(self, host_id: bytes, inward: bool) -> float:
        way = host_id, inward
        at = max(
            self._loop.time() + self._random.uniform(*DELAY_S), self._at.get(way, 0.0) + ORDER_S
        )
        self._at[way] = at
        return at

    def _hear(self, host_id: bytes, data: bytes) -> None:
        if self._handler is not None:
            self.to_coordinator += 1
            self.bytes_in += len(data)
            self._handler(host_id, wire.decode_from_host(data))

    def _deliver(self, host_id: bytes, data: bytes) -> None:
        agent = self._agents.get(host_id)
        if agent is not None:
            with self.playing():
                agent.take(wire.decode_to_host(data))
