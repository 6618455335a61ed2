"""Worlds of the sandbox, as oracles of what a session sees."""

from __future__ import annotations

from functools import partial

import pytest

from cluster.sandbox.world import World
from tests.cluster.sandbox.world.worlds import MakeWorld, made


@pytest.fixture
def make_world() -> MakeWorld:
    """Makes a world from options; small unless they say otherwise."""
    return partial(made, guilds=5)


@pytest.fixture
def world(make_world: MakeWorld) -> World:
    """A small world."""
    return make_world()
