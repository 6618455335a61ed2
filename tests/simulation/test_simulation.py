"""A small cluster, played: what `make simulate` plays of a large one."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterator

import pytest

from coordinator.operations import scaling
from tests.simulation.cluster_played import Shape, WorkingLoop
from tests.simulation.scenarios import (
    Outcome,
    cluster_of,
    coordinator_killed,
    rack_cut_off,
    rack_lost,
    rolling,
    start,
    steady,
)

SHAPE = Shape(hosts=8, workers=2, shards=256, max_concurrency=16)


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    logging.disable(logging.ERROR)
    yield
    logging.disable(logging.NOTSET)


def play(scenario: Callable[[], Coroutine[object, object, Outcome]]) -> Outcome:
    with asyncio.Runner(loop_factory=WorkingLoop) as runner:
        return runner.run(scenario())


def test_a_start_from_nothing_takes_what_the_limit_allows() -> None:
    outcome = play(lambda: start(SHAPE))
    least = (256 / 16 - 1) * 5.25
    assert least <= outcome.seconds < 1.1 * least + 10


def test_a_restart_of_all_hosts_one_by_one_costs_no_identify() -> None:
    outcome = play(lambda: rolling(SHAPE))
    assert outcome.identifies == 0
    assert outcome.away_s < 2


@pytest.mark.parametrize("at_once", [1, 8])
def test_so_many_shards_move_at_a_time(at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scaling, "SHARDS_TO_ONE", SHAPE.shards // at_once)

    async def scenario() -> None:
        async with cluster_of(SHAPE) as cluster:
            began = asyncio.get_running_loop().time()
            assert "32 shards moved" in await cluster.drain("host-03")
            took = asyncio.get_running_loop().time() - began
            gateway = cluster.gateway
            assert gateway.most_away == at_once
            assert (gateway.identifies, gateway.resumes, gateway.doubles) == (0, 32, 0)
            assert took < 10 + 32 / at_once

    with asyncio.Runner(loop_factory=WorkingLoop) as runner:
        runner.run(scenario())


def test_a_rack_that_is_lost_is_resumed_elsewhere_once_its_leases_have_ended() -> None:
    outcome = play(lambda: rack_lost(SHAPE))
    assert outcome.identifies == 0
    assert 15 < outcome.seconds < 30
    assert outcome.resumes == 32


def test_a_rack_that_is_cut_off_for_less_than_a_lease_goes_on() -> None:
    outcome = play(lambda: rack_cut_off(SHAPE, 10.0))
    assert outcome.resumes == outcome.identifies == 0


def test_a_rack_that_is_cut_off_for_longer_never_has_two_sessions_for_a_shard() -> None:
    outcome = play(lambda: rack_cut_off(SHAPE, 40.0))
    assert outcome.identifies == 0
    assert outcome.resumes >= 32


def test_the_next_coordinator_takes_all_hosts_over() -> None:
    outcome = play(lambda: coordinator_killed(SHAPE))
    assert outcome.identifies == outcome.resumes == 0
    assert outcome.seconds < 15


def test_what_a_coordinator_takes_of_a_core_grows_with_the_shards() -> None:
    """And not with their square: a quarter of them costs at least an eighth."""

    def cpu(hosts: int) -> float:
        shape = Shape(hosts=hosts, workers=2, shards=64 * hosts)
        return min(play(lambda: steady(shape, 10.0)).reading.cpu_s for _ in range(2))

    assert cpu(32) < 8 * cpu(8)
