"""What nobody foresees, and what a coordinator does wrong: no event is lost, no shard is silently
dead."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import pytest

from cluster.journal.pages import Pages
from cluster.sandbox import SandboxControl
from cluster.wire.link import (
    Hello,
    IdentifyRequest,
    IdentifySent,
    LogLevel,
    Stop,
    Stopped,
    Welcome,
    encode,
)
from shard_worker.delivery.shard_delivery import ShardDelivery
from shard_worker.protocol.frame import FrameEvent
from shard_worker.transport.connection import Connection
from shard_worker.worker import Worker
from tests.shard_worker.rig import Rig, worker_config
from tests.shard_worker.scenarios import ends_equal, run, under_traffic


class UnforeseenError(Exception):
    """An error that no code expects."""


async def inside(rig: Rig, control: SandboxControl) -> asyncio.Task[Any]:
    """Run a scenario with a worker in this process, under traffic."""
    worker = asyncio.create_task(Worker(rig.spec()).run())
    await rig.ready()
    await control.traffic(rate=1000)
    await rig.until(lambda: sum(r.events for r in rig.reports.values()) > 200)
    return worker


async def ends_by(rig: Rig, control: SandboxControl, break_it: Callable[[], None]) -> None:
    """Run a worker under traffic, break something in it, and see it end."""
    worker = await inside(rig, control)
    break_it()
    with pytest.raises(UnforeseenError):
        await asyncio.wait_for(worker, 60)


async def goes_on(rig: Rig) -> None:
    """Start the next process in its slot, and see nothing lost."""
    rig.reports.clear()
    await rig.start()
    await rig.ready()
    await ends_equal(rig)


@pytest.mark.parametrize("written", [False, True], ids=["before", "after"])
def test_an_event_that_could_not_be_delivered_comes_again(
    written: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The session has counted the event: without the end of the process, RESUME would skip it."""
    deliver = ShardDelivery.deliver

    def broken(self: ShardDelivery, events: Sequence[FrameEvent], received_ns: int) -> None:
        if written:
            deliver(self, events, received_ns)
        raise UnforeseenError("in a drain")

    async def scenario(rig: Rig, control: SandboxControl) -> None:
        with monkeypatch.context() as patch:
            await ends_by(rig, control, lambda: patch.setattr(ShardDelivery, "deliver", broken))
        await goes_on(rig)

    run(scenario)


def test_a_turn_that_could_not_be_written_comes_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its sessions have counted the events, and nothing that comes later hides that they lack."""

    def broken(*_: Any) -> None:
        raise UnforeseenError("at the end of a turn")

    async def scenario(rig: Rig, control: SandboxControl) -> None:
        with monkeypatch.context() as patch:
            await ends_by(rig, control, lambda: patch.setattr(Pages, "write", broken))
        await goes_on(rig)

    run(scenario)


@pytest.mark.parametrize("name", ["on_data", "on_wanted"])
def test_an_error_in_a_callback_of_libcurl_ends_the_connection(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """curl_cffi keeps the error until the transfer has ended, and it is the cause of that end."""
    intact, failures = getattr(Connection, name), list[str]()

    def once(self: Connection, argument: Any) -> Any:
        if failures:
            raise UnforeseenError(failures.pop())
        return intact(self, argument)

    monkeypatch.setattr(Connection, name, once)

    async def scenario(rig: Rig, control: SandboxControl) -> None:
        worker = await inside(rig, control)
        failures.append("in a callback")
        await rig.until(
            lambda: any(r.reconnects.get("connection lost") for r in rig.reports.values())
        )
        await rig.ready()
        assert not failures
        expected = await rig.caught_up()
        await rig.send(Stop())
        assert await asyncio.wait_for(worker, 60) == 0
        assert rig.journalled() == expected

    # All of it is in one process: beside other work an answer takes a while.
    run(scenario, heartbeat_interval_ms=1500, heartbeat_grace_s=20)


def test_link_messages_that_are_none() -> None:
    async def scenario(rig: Rig, control: SandboxControl) -> None:
        await under_traffic(rig, control)
        for data in (
            b"",
            b"\xc1",
            b"\x91" * 100_000,
            msgspec.msgpack.encode({"type": "explode"}),
            msgspec.msgpack.encode({"type": "identify_grant", "shard_id": "x"}),
            encode(Stopped(slot=0)),
        ):
            await rig.router.send_multipart([b"0", data])
        await rig.router.send_multipart([b"0", b"two", b"frames"])
        await ends_equal(rig)
        assert b"does not know" in rig.log
        assert b"Traceback" not in rig.log

    run(scenario)


def test_the_level_of_the_log_is_set_while_it_runs() -> None:
    async def scenario(rig: Rig, control: SandboxControl) -> None:
        await under_traffic(rig, control)
        assert b": ready" not in rig.log
        await rig.send(LogLevel(level="debug"))
        await control.fault(kind="op7", shard=0)
        await rig.until(lambda: b"shard 0: resuming" in rig.log)
        await rig.ready()
        await ends_equal(rig)

    run(scenario)


def test_a_coordinator_that_comes_back_in_time() -> None:
    async def scenario(rig: Rig, control: SandboxControl) -> None:
        await under_traffic(rig, control)
        events, hellos = len(rig.messages), rig.count(Hello)
        await rig.coordinator_goes()
        await rig.until(lambda: len(rig.messages) > events + 500)  # without it all goes on
        rig.coordinator_comes()
        await rig.until(lambda: rig.count(Hello) > hellos)
        await rig.ready()
        assert all(not r.reconnects for r in rig.reports.values())
        await ends_equal(rig)

    run(scenario, spec={"config": worker_config(adopt_seconds=8.0)})


def test_a_request_that_a_new_coordinator_did_not_heed_yet_is_made_again() -> None:
    """A coordinator heeds nobody whom it has not welcomed: an earlier request is lost."""

    async def scenario(rig: Rig, control: SandboxControl) -> None:
        await under_traffic(rig, control)
        rig.granting = False
        requests = rig.count(IdentifyRequest)
        await control.fault(kind="op9", resumable=False, shard=0)
        await rig.until(lambda: rig.count(IdentifyRequest) > requests)
        rig.granting = True
        hellos = rig.count(Hello)
        await rig.send(Welcome())
        await rig.until(lambda: rig.count(IdentifyRequest) > requests + 1)
        assert rig.count(Hello) == hellos, (
            "it was asked at once, not after a wait for the coordinator"
        )
        await rig.reconnected("op 9")
        await ends_equal(rig)

    run(scenario, shards=1, identify_window_s=0.0)


def test_a_process_that_was_stopped_leaves_its_dead_connections_at_once() -> None:
    async def scenario(rig: Rig, control: SandboxControl) -> None:
        await under_traffic(rig, control)
        assert rig.process is not None
        await control.fault(kind="half_open")
        rig.process.send_signal(signal.SIGSTOP)
        await asyncio.sleep(6.5)  # past heartbeat.LATE_S: only time shows it
        rig.process.send_signal(signal.SIGCONT)
        await rig.until(
            lambda: all(
                r.state == "ready" and r.reconnects.keys() & {"late heartbeat", "zombie"}
                for r in rig.reports.values()
            )
        )
        assert b"was stopped for" in rig.log
        await ends_equal(rig)
        assert b"no coordinator" not in rig.log

    run(scenario, heartbeat_interval_ms=1000, spec={"config": worker_config(adopt_seconds=5.0)})


def test_an_identify_that_is_too_large_is_refused_before_anything_opens() -> None:
    async def scenario(rig: Rig, control: SandboxControl) -> None:
        await rig.start(presence={"status": "online", "activities": [{"name": "x" * 5000}]})
        assert await rig.exit_code() == 2
        assert b"over Discord's limit of 4096" in rig.log
        assert b"Traceback" not in rig.log
        assert not rig.journal_dir.exists()
        assert rig.count(IdentifySent) == 0

    run(scenario, shards=1)
