"""The shard's one timer, on the loop that a worker runs on."""

from __future__ import annotations

import asyncio
import contextvars
import json
import math
from collections.abc import Callable, Sequence
from typing import Any, TypeVarTuple, cast

import uvloop

from cluster.config.worker_spec import WorkerSpec
from cluster.wire.link import ShardPlan
from shard_worker.protocol.frame import Frame, FrameEvent
from shard_worker.shard import Shard
from shard_worker.timer import MovableTimer
from shard_worker.transport.connection import Connection
from shard_worker.transport.transport import Transport
from shard_worker.transport.write_queue import Fate
from tests.played_loop import PlayedLoop
from tests.shard_worker.played_connection import PlayedConnection

Arguments = TypeVarTuple("Arguments")
TURN_S = 20e-6
"""What a turn of the loop takes."""


class WholeMsLoop(PlayedLoop):
    """A played loop with uvloop's clock, which shows whole milliseconds; waits are rounded to
    them, and what is to be waited for less than half of one is called at once."""

    def time(self) -> float:
        return math.floor(super().time() * 1000) / 1000

    def call_at(
        self,
        when: float,
        callback: Callable[[*Arguments], object],
        *args: *Arguments,
        context: contextvars.Context | None = None,
    ) -> asyncio.TimerHandle:
        wait_ms = max(0, round((when - self.time()) * 1000))
        if wait_ms == 0:
            self._played.now += TURN_S
        return super().call_at(self.time() + wait_ms / 1000, callback, *args, context=context)


class Wire(PlayedConnection):
    """A transport, a connection, a coordinator and a journal that do nothing."""

    def __init__(self) -> None:
        self.sent: list[Any] = []
        self.heartbeat_sent = asyncio.Event()

    def connect(self, url: str, receiver: Shard) -> Connection:
        return cast(Connection, self)

    def took(self, payload: bytes, command: bool, fate: Fate | None) -> None:
        self.sent.append(json.loads(payload))
        if self.sent[-1]["op"] == 1:
            self.heartbeat_sent.set()

    def request_grant(self, shard_id: int) -> None: ...

    def identify_sent(self, shard_id: int, grant_id: int) -> None: ...

    def identify_unused(self, shard_id: int, grant_id: int) -> None: ...

    def changed(self) -> None: ...

    began_ns = guilds = 0

    def begin_epoch(self, epoch: int, session_id: str, resume_url: str, guilds: int) -> None: ...

    def deliver(self, events: Sequence[FrameEvent], received_ns: int) -> None: ...

    def end_epoch(self, cause: str) -> None: ...

    def heard(self, frame: Frame) -> None: ...

    def resumed_after(self, seq: int) -> int:
        return seq

    def handled(self, seq: int) -> int:
        return seq


def test_a_frame_that_comes_when_a_heartbeat_is_due_this_very_moment() -> None:
    """uvloop makes no timer of a wait below a millisecond, but a call without a time."""

    async def main() -> None:
        wire = Wire()
        plan = ShardPlan(shard_id=0, shard_count=1)
        spec = WorkerSpec(
            slot=0, cluster="", boot_id="", shards=[plan], shard_count=1, token="t",
            intents=0, gateway_url="wss://localhost", compress="", journal_dir="", link_endpoint="",
            hub_endpoint="",
        )  # fmt: skip
        shard = Shard(plan, spec, cast(Transport, wire), wire, wire)
        shard.start()
        shard.on_connected()
        hello = b'{"t":null,"s":null,"op":10,"d":{"heartbeat_interval":0.0001}}'
        shard.on_messages([hello], [0])
        shard.on_messages([b'{"t":null,"s":null,"op":11,"d":null}'], [0])
        await asyncio.wait_for(wire.heartbeat_sent.wait(), 10)
        shard.stop(logout=False)

    uvloop.run(main())


def test_a_moment_in_the_midst_of_a_millisecond_is_one_call() -> None:
    """On uvloop: a call that comes too early would be put off to now, and come again at once."""
    called: list[tuple[float, float]] = []

    async def reach(due: float) -> None:
        loop, done = asyncio.get_running_loop(), asyncio.Event()

        def on_time() -> None:
            called.append((due, loop.time()))
            if loop.time() < due:
                timer.set(due)
            else:
                done.set()

        timer = MovableTimer(on_time)
        timer.set(due)
        assert timer.due == due, "as it was asked for"
        await done.wait()

    async def main() -> None:
        for due in (0.0102, 0.0306, 0.043, 0.043000000000000003, 0.0509999, 41.25037):
            await reach(due)

    with asyncio.Runner(loop_factory=WholeMsLoop) as runner:
        runner.run(main())
    assert [due for due, _ in called] == sorted({due for due, _ in called}), "one call each"
    assert all(due <= at < due + 0.0011 for due, at in called)
