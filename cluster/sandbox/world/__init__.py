"""The sandbox's world: guilds, people, and what happens to them. No I/O."""

from __future__ import annotations

from cluster.sandbox.world.event import WorldEvent
from cluster.sandbox.world.world import World

__all__ = ["World", "WorldEvent"]
