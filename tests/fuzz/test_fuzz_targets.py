"""The fuzzers' targets hold for what they begin with, and for some of what comes after it."""

from __future__ import annotations

import random

import pytest

from tests.fuzz import run_fuzz
from tests.fuzz.fuzz_targets import CUT, TARGETS
from tests.fuzz.hostile_corpus import EXTREMES


@pytest.mark.parametrize("name", run_fuzz.NAMES)
def test_a_target(name: str) -> None:
    called, seeds = TARGETS[name]
    chance = random.Random(7)
    for seed in seeds:
        called(seed)
        for _ in range(60):
            offset = chance.randrange(len(seed) + 1)
            bit = chance.choice([*EXTREMES, CUT, b"}{", b'"', b"\\"])
            called(seed[:offset] + bit + seed[offset + chance.randrange(5) :])
    called(b"")


def test_each_target_is_fuzzed() -> None:
    assert set(run_fuzz.NAMES) == set(TARGETS)
