"""Sixty faults, in pairs that overlap, on a cluster under traffic: nothing is lost in silence."""

from __future__ import annotations

import asyncio

import pytest

from tests.chaos.chaos_table import verdict
from tests.chaos.tempest import Tempest


@pytest.mark.timeout(240)
def test_sixty_faults() -> None:
    async def storm() -> Tempest:
        tempest = Tempest(seed=20, count=60)
        await tempest.run()
        return tempest

    tempest = asyncio.run(storm())
    assert tempest.breaches == [], verdict(tempest, 0.0)
    assert len(tempest.occurrences) == 61
    assert tempest.events > 5_000
