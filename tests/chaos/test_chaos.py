"""Sixty faults, in pairs that overlap, on a cluster under traffic: nothing is lost unsaid."""

from __future__ import annotations

import asyncio

import pytest

from tests.chaos.chaos_run import ChaosRun
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
