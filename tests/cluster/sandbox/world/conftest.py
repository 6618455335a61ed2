"""Worlds with a clock of their own."""

from __future__ import annotations

import pytest

from cluster.sandbox.world import World
from tests.cluster.sandbox.world.worlds import MakeWorld, made


@pytest.fixture
def make_world() -> MakeWorld:
    """Makes a world from options; small unless they say otherwise."""
    return made


@pytest.fixture
def world(make_world: MakeWorld) -> World:
    """A small world."""
    return make_world()
