"""The sandbox's world: guilds, people, and what happens to them. No I/O."""

from __future__ import annotations

from cluster.discord.event_intents import intents_of
from cluster.sandbox.world.event import WorldEvent
from cluster.sandbox.world.requests import RequestRefused
from cluster.sandbox.world.traffic.application import rate_limited
from cluster.sandbox.world.world import World

__all__ = ["RequestRefused", "World", "WorldEvent", "intents_of", "rate_limited"]
