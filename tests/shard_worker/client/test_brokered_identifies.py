"""A client whose identifies a cluster's coordinator grants."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from cluster.control import ControlClient
from cluster.errors import ClusterError, ConfigError, NotRunningError
from shard_worker import GatewayClient
from tests.coordinator.identifies.identify_rig import INTERVAL_S, Cluster, granting
from tests.shard_worker.client.client_rig import WAIT_S, ClientRig, run

Scenario = Callable[[ClientRig, Cluster, ControlClient], Awaitable[None]]


def play(scenario: Scenario, **options: Any) -> None:
    async def whole(rig: ClientRig) -> None:
        with tempfile.TemporaryDirectory(prefix="dcgw-", dir="/tmp") as folder:
            async with (
                granting(Path(folder), concurrency=16) as east,
                ControlClient(east.endpoint) as control,
            ):
                await scenario(rig, east, control)

    run(whole, **options)


def test_it_identifies_in_its_turn_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(rig: ClientRig, east: Cluster, control: ControlClient) -> None:
        sent_at: list[float] = []
        sent = east.limiter.sent

        def saying(shard: int, grant_id: int, now: float) -> None:
            sent_at.append(now)
            sent(shard, grant_id, now)

        monkeypatch.setattr(east.limiter, "sent", saying)
        async with rig.connect(identifies=control, shard=(3, 8)) as client:
            assert (await client.next_event()).name == "READY"
            assert east.queue.status().spent == 1
            # Its bucket is closed for a cluster's worker, too.
            east.want(3)
            granted_at, _ = await east.next()
            assert granted_at >= sent_at[0] + INTERVAL_S - 0.02

    play(scenario, shards=8, guilds=8)


def test_who_gives_up_leaves_the_line() -> None:
    async def scenario(rig: ClientRig, east: Cluster, control: ControlClient) -> None:
        async with control.request_identify(shard_id=3):
            connecting = asyncio.ensure_future(rig.connect(identifies=control, shard=(3, 8)))
            await rig.until(lambda: bool(rig.sandbox.state.peers))
            await rig.until(lambda: bool(east.queue.status().outside))
            connecting.cancel()
            await asyncio.gather(connecting, return_exceptions=True)
            await rig.until(lambda: not east.queue.status().outside)
        assert rig.sandbox.state.identify_limit.admitted == 0

    play(scenario, shards=8, guilds=8)


def test_a_broker_that_is_not_there_is_an_error_of_connect() -> None:
    async def scenario(rig: ClientRig) -> None:
        class Nobody:
            def request_identify(self, shard_id: int, shard_count: int = 0) -> Any:
                return self

            async def granted(self) -> None:
                raise NotRunningError("nobody answers", "start the cluster")

        with pytest.raises(NotRunningError, match="nobody answers"):
            await asyncio.wait_for(rig.connect(identifies=Nobody()), WAIT_S)

    run(scenario)


def test_a_control_client_that_was_closed_before_the_next_identify_ends_the_client(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("shard_worker.protocol.session.invalid_session_wait", lambda _: 0.05)

    async def scenario(rig: ClientRig, east: Cluster, control: ControlClient) -> None:
        async with rig.connect(identifies=control, shard=(3, 8)) as client:
            assert (await client.next_event()).name == "READY"
            await rig.until(lambda: east.queue.status().spent == 1)
            control.close()
            await rig.control.fault(kind="op9", resumable=False)
            with pytest.raises(ClusterError, match=r"the connection to ipc:\S+ was closed"):
                await asyncio.wait_for(read_on(client), WAIT_S)

    play(scenario, shards=8, guilds=8)


async def read_on(client: GatewayClient) -> None:
    while True:
        await client.next_event()


def test_what_grants_nothing_is_refused_by_name() -> None:
    wrong: Any = "east"
    with pytest.raises(ConfigError, match="identifies is 'east'"):
        GatewayClient.connect("t", intents=0, identifies=wrong)
    broker: Any = SimpleNamespace(request_identify=print)
    with pytest.raises(ConfigError, match="identifies is given with capabilities"):
        GatewayClient.connect("t", capabilities=0, client_build_number=1, identifies=broker)
