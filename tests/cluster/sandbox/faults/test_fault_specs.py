"""How a fault is asked for, what is refused, and schedules."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from cluster.sandbox.faults.faults import KINDS, FaultError, parse
from cluster.sandbox.faults.schedule import Schedule
from cluster.sandbox.http.control_client import SandboxRefusedError
from tests.cluster.sandbox.gateway_probe import bench, eventually


def test_faults_are_listed() -> None:
    async def scenario() -> None:
        async with bench(faults=[{"kind": "rest_429", "count": 2}]) as b:
            probe = await b.ready(shard=[0, 1])
            await b.control.fault(kind="op1", shard=0)
            await probe.until(1)
            first, second = await b.control.faults()
            assert first["kind"] == "rest_429"
            assert second["met"][0]["shard"] == 0
            with pytest.raises(SandboxRefusedError, match="how: one of rst, fin, mid_frame"):
                await b.control.fault(kind="cut", how="scissors")

    asyncio.run(scenario())


def test_what_meets_connections_can_not_be_set_before_there_are_any() -> None:
    async def scenario() -> None:
        async with bench(faults=[{"kind": "op7"}]):
            raise AssertionError("it would have met nobody")

    with pytest.raises(FaultError, match=r"^faults: kind: `op7` meets connections"):
        asyncio.run(scenario())


def test_a_schedule_ends_when_faults_are_cleared() -> None:
    async def scenario() -> None:
        async with bench(fault_seed=7) as b:
            schedule = b.sandbox.state.faults.schedule
            assert schedule is not None
            assert not schedule.done()
            await b.control.clear_faults()
            await eventually(schedule.cancelled)

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ([], "kind"),
        ({}, "kind"),
        ({"kind": "earthquake"}, "kind"),
        ({"kind": []}, "kind"),
        ({"kind": "op7", "shard": -1}, "shard"),
        ({"kind": "op7", "shard": True}, "shard"),
        ({"kind": "op7", "shards": 1}, "shards"),
        ({"kind": "lag", "max_s": 10.5}, "max_s"),
        ({"kind": "lag", "max_s": float("nan")}, "max_s"),
        ({"kind": "close", "code": 4000.0}, "code"),
        ({"kind": "close", "code": 1006}, "code"),
        ({"kind": "close", "code": 5000}, "code"),
        ({"kind": "op9", "resumable": 1}, "resumable"),
        ({"kind": "rest_5xx", "status": 404}, "status"),
        ({"kind": "rest_429", "count": 0}, "count"),
    ],
)
def test_a_bad_fault_is_refused_by_its_field(spec: Any, field: str) -> None:
    with pytest.raises(FaultError, match=f"^{field}:|^a fault is an object with `{field}`"):
        parse(spec)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_defaults(kind: str) -> None:
    assert parse({"kind": kind}).keys() >= KINDS[kind].keys()


def test_a_schedule_is_its_seed() -> None:
    def first(seed: int) -> list[Any]:
        return [entry for entry, _ in zip(Schedule(seed), range(200), strict=False)]

    assert first(1) == first(1)
    assert first(1) != first(2)
    for pause, fault in first(3):
        assert pause > 0
        parse(fault)
    others = {"heartbeat_interval"}  # it breaks nothing
    assert {fault["kind"] for _, fault in first(3)} == KINDS.keys() - others
