"""The replay door as a child of the coordinator."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path
from typing import Any

import pytest
import zmq
import zmq.asyncio

from cluster.config.coordinator_spec import CoordinatorSpec
from cluster.endpoints.paths import ClusterPaths
from cluster.subscriber.chain import RangeAsk
from cluster.subscriber.replay_client import NoAnswerError, ReplayClient
from cluster.wire.hosts import KnownHost, KnownHosts
from cluster.wire.replay import HeadsAnswer
from cluster.wire.states import HostState
from coordinator.children.family import Children
from coordinator.children.replay import ReplayProcess
from coordinator.children.replay_door import ReplayDoorProcess
from coordinator.control.server import ControlServer
from coordinator.happenings.record import HappeningRecord
from coordinator.replay_door.server import HOSTS
from tests.coordinator.replay_door.door_rig import WITHIN_S, PlayedGate, id_of, of_journals
from tests.coordinator.replay_door.shard_world import STORE, PlayedHistory, ShardWorld


async def heads(client: ReplayClient) -> HeadsAnswer:
    """Ask until the door is there."""
    async with asyncio.timeout(WITHIN_S):
        while True:
            try:
                return await client.heads()
            except NoAnswerError:
                await asyncio.sleep(0.05)


def test_it_is_told_which_hosts_there_are_and_started_again(
    short_folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    paths = ClusterPaths(name="c", state_dir=short_folder, runtime_dir=short_folder)
    paths.logs.mkdir()
    world = ShardWorld()
    world.receive(3)
    here = KnownHost(name="a", id=id_of("a"), state=HostState.HERE)

    async def known(args: dict[str, Any]) -> KnownHosts:
        return KnownHosts(cluster=STORE, hosts=[here], settled=True)

    async def scenario() -> None:
        context = zmq.asyncio.Context()
        control = ControlServer(context, paths.control)
        control.bind()
        gate = PlayedGate(context, paths.host_replay)
        gate.hosts[id_of("a")] = of_journals(PlayedHistory({0: world.journals[0]}))
        plain: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        client = ReplayClient(plain, paths.replay)
        settings = {"process": "replay", "log_file": str(paths.log("replay"))}
        door = ReplayDoorProcess.for_cluster(
            paths, STORE, asyncio.get_running_loop().time, 5.0, settings
        )
        running = [
            asyncio.ensure_future(part)
            for part in (control.run({HOSTS: known}), gate.run(), door.run())
        ]
        try:
            assert [(row.seq, row.oldest) for row in (await heads(client)).shards] == [(2, (1, 0))]
            assert (await client.range(1, 0, RangeAsk(1, -1, 2), None)).reached == 2
            assert door.full() is False
            assert door.unreadable() == []
            first = door.process
            assert first is not None
            first.signal(signal.SIGKILL)
            assert await first.wait() == -signal.SIGKILL
            assert (await heads(client)).cluster == STORE
            assert door.restarts == 1
            door.set_log_level("debug")
            assert door.process is not None
            assert await door.process.stop(5.0) == 0, "it ends as it is told"
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)
            client.close()
            control.close()
            gate.socket.close()
            context.destroy(0)
            plain.destroy(0)

    asyncio.run(scenario())
    assert "the replay door ended" in caplog.text
    assert "Traceback" not in paths.log("replay").read_text()


@pytest.mark.parametrize(
    ("engine", "kind"), [("local", ReplayProcess), ("join", ReplayDoorProcess)]
)
def test_the_door_is_there_where_workers_run_elsewhere(engine: Any, kind: type) -> None:
    spec = CoordinatorSpec(name="t", state_dir="/s", runtime_dir="/r", token="t", engine=engine)
    record = HappeningRecord(lambda: 0.0, lambda: 0.0)
    children = Children.make(spec, STORE, None, None, record, lambda: 0.0)
    assert type(children.replay) is kind
