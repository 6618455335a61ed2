"""The driver, checked: the product broken in six ways, and each is seen."""

from __future__ import annotations

import asyncio
import shutil
from typing import Any

import pytest

from tests.chaos.chaos_run import ChaosRun
from tests.chaos.faults.schedule import Fault, Pair, Shape

SHAPE = Shape(shards=4, slots=2)
CUT = Fault("refused_connections", {"seconds": 0.5}, ("listeners",))
KILLS = [Fault("worker_killed", {"slot": slot}, (f"slot-{slot}",)) for slot in (0, 1)]


def pairs(*faults: Fault) -> list[Pair]:
    return [Pair(n, (fault,), 0.0, 1.0) for n, fault in enumerate(faults, 1)]


@pytest.mark.parametrize(
    ("mutant", "faults", "kind", "text"),
    [
        ("drop_batch", [CUT], "other", "the live chain broke"),
        ("publish_before_journal", [*KILLS, *KILLS], "other", "the journals end at"),
        ("resume_one_later", [CUT, CUT], "gap", "no replay skipped it"),
        # Whichever comes first: the heartbeat itself, or a RESUME from what it let be forgotten.
        ("heartbeat_ahead", [CUT, CUT], "", "acknowledged"),
        ("since_is_not_looked_at", [CUT, CUT, CUT], "lost", ""),
        ("double_grant", [CUT], "identify", "before their bucket was free"),
    ],
)
def test_a_mutant_is_seen(mutant: str, faults: list[Fault], kind: str, text: str) -> None:
    options: dict[str, Any] = {"max_concurrency": 2 if mutant == "double_grant" else 4}

    async def run() -> ChaosRun:
        chaos = ChaosRun(
            1, len(faults), shape=SHAPE, mutant=mutant, options=options, pairs=pairs(*faults)
        )
        await chaos.run()
        return chaos

    chaos = asyncio.run(run())
    assert chaos.log.breaches
    first = chaos.log.breaches[0]
    assert (kind in ("", first.kind), text in first.text) == (True, True), first
    shutil.rmtree(chaos.folder)  # kept for whoever looks for the cause, which is known here
