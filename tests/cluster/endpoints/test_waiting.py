"""A program that starts before its cluster waits for it, if it is told to."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.control import ControlClient
from cluster.endpoints import waiting
from cluster.endpoints.paths import Running
from cluster.endpoints.waiting import LOOK_S, checked_wait, when_running
from cluster.errors import ClusterError, ConfigError, NotRunningError
from cluster.subscriber import Subscriber

GUARD_S = 60.0
RUNNING = Running(
    name="east", pid=1, started_at=1.0, state_dir="/nowhere", control_endpoint="ipc:///east/control",
    hub_endpoint="ipc:///east/events", replay_endpoint="ipc:///east/replay",
)  # fmt: skip


class Played:
    """A host on which a cluster starts at a moment of a played clock."""

    def __init__(self, starts: float) -> None:
        self.now = 100.0
        self.looks = 0
        self._starts = 100.0 + starts

    def find(self) -> Running:
        self.looks += 1
        if self.now < self._starts:
            raise NotRunningError("no cluster is running")
        return RUNNING

    async def sleep(self, seconds: float) -> None:
        assert 0 < seconds <= LOOK_S
        self.now += seconds

    def wait(self, wait: float) -> Running:
        return asyncio.run(when_running(self.find, wait, clock=lambda: self.now, sleep=self.sleep))


@given(st.floats(0, 100), st.floats(0, 100) | st.just(math.inf))
def test_it_is_found_within_a_look_or_given_up_in_time(starts: float, wait: float) -> None:
    host = Played(starts)
    if starts <= wait:
        assert host.wait(wait) is RUNNING
        assert starts - 1e-6 <= host.now - 100.0 <= starts + LOOK_S + 1e-6
    else:
        try:
            assert host.wait(wait) is RUNNING  # the last look is a little late
        except NotRunningError:
            assert host.now - 100.0 >= wait - 1e-6
        assert host.now - 100.0 <= wait + 1e-6
    assert host.looks <= (host.now - 100.0) / LOOK_S + 3


def test_one_line_says_that_it_waits(caplog: pytest.LogCaptureFixture) -> None:
    Played(60.0).wait(math.inf)
    assert [record.getMessage() for record in caplog.records] == [
        "waiting for a cluster of this host to be started"
    ]
    assert caplog.records[0].levelno == logging.WARNING  # shown where nobody set logging up
    caplog.clear()
    Played(0.0).wait(math.inf)
    with pytest.raises(NotRunningError):
        Played(1.0).wait(0.0)
    assert caplog.records == []


def test_what_waiting_does_not_mend_is_raised_at_once() -> None:
    def several() -> None:
        raise ClusterError("2 clusters are running")

    with pytest.raises(ClusterError, match="2 clusters"):
        asyncio.run(when_running(several, math.inf))


@pytest.mark.parametrize("wait", [-1, math.nan, True, "5", None])
def test_what_is_no_time_is_refused(wait: Any) -> None:
    with pytest.raises(ConfigError, match="wait is"):
        checked_wait(wait)
    with pytest.raises(ConfigError, match="wait is"):
        Subscriber(wait=wait)


@pytest.fixture
def late(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Return what stands for a finder of clusters: nothing runs at the first two looks."""
    looks = 0

    def find(*given: Any, **options: Any) -> Running:
        nonlocal looks
        looks += 1
        if looks < 3:
            raise NotRunningError("no cluster is running")
        return RUNNING

    monkeypatch.setattr(waiting, "LOOK_S", 0.001)
    return find


def test_a_subscriber_waits_on_entering(
    late: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cluster.endpoints.discovery.find_cluster", late)
    monkeypatch.setattr("cluster.subscriber.subscriber.STALL_SECONDS", 0.0)
    monkeypatch.setattr("cluster.subscriber.replay_client.ANSWER_SECONDS", 0.0)

    async def run() -> None:
        with pytest.raises(NotRunningError):
            await Subscriber().__aenter__()
        async with Subscriber(wait=GUARD_S) as subscriber:
            assert subscriber.progress().lag == 0

    asyncio.run(asyncio.wait_for(run(), GUARD_S))


def test_a_cluster_whose_endpoint_is_given_is_waited_for_too(
    late: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has a replay server, which is not known before it runs."""
    monkeypatch.setattr("cluster.subscriber.subscriber.STALL_SECONDS", 0.0)
    monkeypatch.setattr("cluster.subscriber.replay_client.ANSWER_SECONDS", 0.0)

    def running(*_: object) -> list[Running]:
        try:
            return [late()]
        except NotRunningError:
            return []

    monkeypatch.setattr("cluster.endpoints.discovery.running_clusters", running)

    async def run() -> None:
        with pytest.raises(NotRunningError, match="publishes at ipc:///east/events is running"):
            await Subscriber(RUNNING.hub_endpoint, wait=1e-9).__aenter__()
        subscriber = Subscriber(RUNNING.hub_endpoint, wait=GUARD_S)
        async with subscriber:
            assert subscriber._replay_endpoint == RUNNING.replay_endpoint
        async with Subscriber("ipc:///another", replay="ipc:///its", wait=math.inf):
            pass  # it is no cluster of this host, as far as we are told

    asyncio.run(asyncio.wait_for(run(), GUARD_S))


@pytest.mark.parametrize("way", ["await", "async with"])
def test_a_control_client_waits(
    late: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, way: str,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    monkeypatch.setattr("cluster.control.client.find_cluster", late)

    async def run() -> None:
        finding = ControlClient.find("east", wait=math.inf)
        if way == "await":
            control = await finding
            assert control.endpoint == RUNNING.control_endpoint
            control.close()
            return
        async with finding as control:
            assert control.endpoint == RUNNING.control_endpoint
            with pytest.raises(ClusterError, match="entered before"):
                await finding.__aenter__()
        with pytest.raises(ClusterError, match="was closed"):
            await control.ping()

    asyncio.run(asyncio.wait_for(run(), GUARD_S))
    assert [one.getMessage() for one in caplog.records] == [
        "waiting for cluster east to be started"
    ]


def test_nobody_is_waited_for_unless_it_is_asked_for(tmp_path: Path) -> None:
    env = {"DCGW_STATE_DIR": str(tmp_path), "DCGW_RUNTIME_DIR": str(tmp_path)}
    with pytest.raises(NotRunningError):
        ControlClient.find(env=env)

    async def run() -> None:
        with pytest.raises(NotRunningError):
            await ControlClient.find(env=env, wait=0)

    asyncio.run(run())
