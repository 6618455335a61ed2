"""Faults in pairs that overlap, on a cluster under traffic: nothing is lost unsaid."""

from __future__ import annotations

import asyncio

import pytest

from tests.chaos.chaos_run import SHAPE, ChaosRun
from tests.chaos.report import verdict


@pytest.mark.timeout(240)
def test_sixty_faults() -> None:
    async def run() -> ChaosRun:
        chaos = ChaosRun(seed=20, count=60)
        await chaos.run()
        return chaos

    chaos = asyncio.run(run())
    assert chaos.log.breaches == [], verdict(chaos, 0.0)
    assert len(chaos.log.occurrences) == 61
    assert chaos.events > 5_000


@pytest.mark.timeout(240)
def test_twenty_faults_on_three_hosts() -> None:
    async def run() -> ChaosRun:
        chaos = ChaosRun(seed=11, count=20, shape=SHAPE._replace(hosts=3))
        await chaos.run()
        return chaos

    chaos = asyncio.run(run())
    assert chaos.log.breaches == [], verdict(chaos, 0.0)
    assert len(chaos.log.occurrences) == 21
    assert chaos.events > 2_000
