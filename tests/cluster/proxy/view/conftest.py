"""Worlds of the sandbox, as oracles of what a session sees."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from cluster.sandbox.options import SandboxOptions
from cluster.sandbox.world import World

MakeWorld = Callable[..., World]


class TickingClock:
    """Unix seconds that go on by a millisecond at every look."""

    def __init__(self) -> None:
        self.at = 1_764_000_000.0

    def __call__(self) -> float:
        self.at += 0.001
        return self.at


@pytest.fixture
def make_world() -> MakeWorld:
    """Makes a world from options; small unless they say otherwise."""

    def make(**options: object) -> World:
        settings: dict[str, object] = {"guilds": 5, "members_per_guild": 12, "seed": 7} | options
        return World(SandboxOptions(**settings), now=TickingClock())  # type: ignore[arg-type] # tests name any option

    return make


@pytest.fixture
def world(make_world: MakeWorld) -> World:
    """A small world."""
    return make_world()
