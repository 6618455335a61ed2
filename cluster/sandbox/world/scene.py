"""What the makers of traffic share: randomness, clock, the bot, and what must follow."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable
from typing import Any

from cluster.sandbox.world.clock import WorldClock
from cluster.sandbox.world.event import WorldEvent
from cluster.sandbox.world.intents import intents_of
from cluster.sandbox.world.population import Population
from cluster.sandbox.world.state import Guild, Json, Member, encode


class Scene:
    """The stage that every handler plays on.

    A handler changes the guild and returns one event. What is to come after it (a message that has
    to be there before it can be deleted is the event returned, its deletion follows) it appends to
    ``after``.
    """

    def __init__(
        self, *, draw: random.Random, clock: WorldClock, population: Population, bot: Json
    ) -> None:
        self.draw = draw
        self.clock = clock
        self.population = population
        self.bot = bot
        self.bot_id = int(bot["id"])
        self.after: deque[WorldEvent] = deque()

    def member(self, guild: Guild) -> Member:
        """Any member of the guild; the bot only where nobody else is."""
        members = guild.member_list
        count = len(members)
        return members[1 + int(self.draw.random() * (count - 1))] if count > 1 else members[0]

    def event(self, name: str, guild: Guild | None, data: Any) -> WorldEvent:
        """An event of ``guild`` (None: a direct one) from a value that is to be encoded."""
        guild_id = None if guild is None else guild.id
        return WorldEvent(name, guild_id, encode(data), intents_of(name, guild_id))


Handler = Callable[[Scene, Guild], WorldEvent]
