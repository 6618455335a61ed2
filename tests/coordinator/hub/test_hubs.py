"""Several hubs: who is connected to them, and one that is a process of its own."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest
import zmq
import zmq.asyncio

from cluster.config.coordinator_spec import CoordinatorSpec
from cluster.endpoints.paths import ClusterPaths
from cluster.errors import AlreadyRunningError, ClusterError
from cluster.wire import control
from cluster.wire.status import HubReport
from coordinator.children.hub import HubProcess
from coordinator.health import Health
from coordinator.hub.hub import Hub
from coordinator.hub.hubs import SILENT_S, Hubs

WITHIN_S = 60.0


def hubs_of(connections: int, now: list[float]) -> Hubs:
    first = SimpleNamespace(
        connections=connections,
        listeners=[
            SimpleNamespace(full=True, name="events"), SimpleNamespace(full=False, name="hub"),
        ],
    )  # fmt: skip
    return Hubs(cast(Hub, first), lambda: now[0])


def tell(hubs: Hubs, number: int, connections: int, *full: str) -> None:
    args = control.as_args(
        HubReport(number=number, pid=1, connections=connections, full=list(full))
    )
    asyncio.run(cast(Any, hubs.verbs()["_hub"](args)))


def test_a_program_that_hears_every_hub_is_one() -> None:
    hubs = hubs_of(3, now := [0.0])
    assert hubs.connections == 3
    tell(hubs, 1, 3)
    tell(hubs, 2, 2)
    assert hubs.connections == 3
    tell(hubs, 2, 5, "events-2")
    assert [(one.number, one.connections) for one in hubs.processes()] == [(1, 3), (2, 5)]
    assert (hubs.connections, hubs.full()) == (5, ["events", "events-2"])
    now[0] = SILENT_S + 1
    assert (hubs.connections, hubs.full()) == (3, ["events"]), "one that says nothing is away"


@pytest.mark.parametrize(
    "args",
    [
        {},
        {"number": "x"},
        {"number": 0, "pid": 1, "connections": 1},
        {"number": 64, "pid": 1, "connections": 1},
        {"number": 1, "pid": 1, "connections": 1, "full": ["a", "b", "c"]},
    ],
)
def test_what_is_no_report_is_refused(args: dict[str, Any]) -> None:
    with pytest.raises(ClusterError, match="not the arguments"):
        asyncio.run(cast(Any, hubs_of(1, [0.0]).report(args)))


@pytest.fixture
def spec(tmp_path: Path) -> Iterator[CoordinatorSpec]:
    with tempfile.TemporaryDirectory(prefix="dcgw-") as sockets:
        (tmp_path / "logs").mkdir()
        yield CoordinatorSpec(
            name="x", state_dir=str(tmp_path), runtime_dir=sockets, token="t", intents=1, hubs=2
        )


def test_a_hub_of_its_own_passes_events_on_tells_of_itself_and_comes_again(
    spec: CoordinatorSpec,
) -> None:
    async def run(context: zmq.asyncio.Context) -> None:
        told = context.socket(zmq.ROUTER)
        told.bind(spec.paths.control)
        hub = HubProcess(spec, 1, 4, time.monotonic, 10.0)
        await hub.start()
        running = asyncio.create_task(hub.run())
        while hub.process is None:  # noqa: ASYNC110  # the task sets it
            await asyncio.sleep(0)
        try:
            await passes_on(context, spec.paths, told)
            hub.process.kill()
            await passes_on(context, spec.paths, told)
            assert hub.restarts == 1
            assert list(_troubles(spec, hub)) == [
                f"the hub 1 was restarted 1 time: see {spec.paths.log('hub-1')}"
            ]
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            await hub.close()
        assert list(_troubles(spec, hub))[1:] == [
            "the hub 1 does not run: its workers' events wait in their journals"
        ]

    async def bounded() -> None:
        context = zmq.asyncio.Context()
        try:
            async with asyncio.timeout(WITHIN_S):
                await run(context)
        finally:
            context.destroy(0)

    asyncio.run(bounded())


def _troubles(spec: CoordinatorSpec, hub: HubProcess) -> Iterator[str]:
    nothing: Any = None
    replay: Any = SimpleNamespace(restarts=0)
    return Health(
        spec.paths.logs, nothing, nothing, nothing, nothing, replay, None, None, None, None, (hub,)
    )._children()


async def passes_on(
    context: zmq.asyncio.Context, paths: ClusterPaths, told: zmq.asyncio.Socket
) -> None:
    """Come in as a subscriber and as a worker, and wait until the one hears the other, and the
    coordinator of who hears it."""
    subscriber, worker = context.socket(zmq.SUB), context.socket(zmq.XPUB)
    try:
        subscriber.subscribe(b"A")
        subscriber.connect(paths.events_of(1))
        worker.connect(paths.hub_of(1))
        assert await worker.recv() == b"\x01", "it takes everything"
        heard = asyncio.ensure_future(subscriber.recv())
        while not heard.done():
            await worker.send(b"A.1.\0")
            await asyncio.wait({heard}, timeout=0.02)
        assert await heard == b"A.1.\0"
        await reports(told, 1)
    finally:
        subscriber.close(0)
        worker.close(0)


async def reports(told: zmq.asyncio.Socket, connections: int) -> None:
    """Wait until it tells of so many subscribers."""
    while True:
        sender, data = await told.recv_multipart()
        request = control.decode_request(data)
        assert request.verb == "_hub"
        answer = control.Response(id=request.id, ok=True, result=msgspec.Raw(b"\xc0"))
        await told.send_multipart([sender, control.encode(answer)])
        report = msgspec.convert(request.args, HubReport)
        assert report.number == 1
        assert report.cpu_s > 0
        assert report.rss_bytes > 0
        if report.connections == connections:
            return


def test_one_that_can_not_listen_is_told_of(spec: CoordinatorSpec) -> None:
    async def run() -> None:
        path = Path(spec.paths.events_of(1).removeprefix("ipc://"))
        (path / "in the way").mkdir(parents=True)
        with pytest.raises(AlreadyRunningError, match="events-1 can't be bound"):
            await HubProcess(spec, 1, 4, time.monotonic, 10.0).start()

    asyncio.run(run())
