"""Worlds with a clock of their own."""

from __future__ import annotations

from collections.abc import Callable

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


def made(**options: object) -> World:
    """Return a world of these options; small unless they say otherwise."""
    settings: dict[str, object] = {"guilds": 3, "members_per_guild": 12, "seed": 7} | options
    return World(SandboxOptions(**settings), now=TickingClock())  # type: ignore[arg-type] # tests name any option
