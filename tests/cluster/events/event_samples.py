"""Events as the sandbox makes them: one of each name, the same in each run."""

from __future__ import annotations

import json
from functools import cache
from typing import Any, Final

from cluster.sandbox.catalogue import catalogue
from cluster.sandbox.options import SandboxOptions
from cluster.sandbox.world import World

NAMES: Final = sorted(catalogue().events)


@cache
def sample(name: str) -> bytes:
    """``d`` of an event of this name."""
    return next(event.data for event in reversed([*world().emit(name)]) if event.name == name)


def sample_json(name: str) -> Any:
    """Return a sample of an event as a JSON value, made anew each time."""
    return json.loads(sample(name))


@cache
def world() -> World:
    """Where they come from."""
    return World(SandboxOptions(guilds=2), now=lambda: 1_750_000_000.0)
