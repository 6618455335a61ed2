"""What the makers of traffic share: randomness, clock, the bot, and what must follow."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, Final

from cluster.discord.event_intents import intents_of
from cluster.sandbox.world.clock import WorldClock
from cluster.sandbox.world.event import WorldEvent
from cluster.sandbox.world.population import Population
from cluster.sandbox.world.state import Guild, Json, Member, encode

_PLACE: Final = {
    "CHANNEL_PINS_UPDATE": "channel_id",
    "INVITE_CREATE": "channel_id",
    "INVITE_DELETE": "channel_id",
    "MESSAGE_DELETE_BULK": "channel_id",
    "THREAD_CREATE": "parent_id",
    "THREAD_DELETE": "parent_id",
    "THREAD_MEMBERS_UPDATE": "id",
    "THREAD_MEMBER_UPDATE": "id",
    "THREAD_UPDATE": "parent_id",
    "VOICE_CHANNEL_EFFECT_SEND": "channel_id",
    "VOICE_CHANNEL_START_TIME_UPDATE": "id",
    "VOICE_CHANNEL_STATUS_UPDATE": "id",
    "WEBHOOKS_UPDATE": "channel_id",
}
"""Event -> its field with the channel or thread, without whose view the bot does not hear of it."""


class Direct:
    """A direct message channel between the bot and somebody, and what was said there lately."""

    __slots__ = ("channel_id", "messages", "user")

    def __init__(self, channel_id: int, user: Json) -> None:
        self.channel_id = channel_id
        self.user = user
        self.messages: list[Json] = []


class Scene:
    """The stage that every handler plays on.

    A handler changes the guild and returns one event. Events that follow it, it leaves in
    ``after``: when a message has to be written before it can be deleted, MESSAGE_CREATE is returned
    and MESSAGE_DELETE left in ``after`` (`first`, `last`).
    """

    def __init__(
        self,
        *,
        draw: random.Random,
        clock: WorldClock,
        population: Population,
        own_user: Json,
        guilds: Callable[[], Iterable[Guild]],
        members: int,
    ) -> None:
        self.draw = draw
        self.clock = clock
        self.population = population
        self.own_user = own_user
        """The bot's user as only it sees it (GET /users/@me)."""
        self.bot = population.bot
        """The bot's user as others see it."""
        self.bot_id = int(own_user["id"])
        self.guilds = guilds
        """The guilds in which something has happened, or that somebody was shown."""
        self.fewest_members = members // 2
        """Members of a guild at which somebody joins before another leaves."""
        self.most_members = 2 * members + 100
        """Members of a guild at which somebody leaves before another joins."""
        self.after: deque[WorldEvent] = deque()
        self.directs: list[Direct] = []
        self.entitlements: dict[int, Json] = {}
        self.subscriptions: dict[int, Json] = {}

    def member(self, guild: Guild) -> Member:
        """Draw a member of the guild; the bot only where nobody else is."""
        members = guild.member_list
        count = len(members)
        return members[1 + int(self.draw.random() * (count - 1))] if count > 1 else members[0]

    def change_bot(self, **changes: Any) -> None:
        """Change the bot's user everywhere that it is shown from now on."""
        self.own_user |= changes
        self.bot |= changes
        for guild in self.guilds():
            guild.member_list[0].user_changed()

    def first(self, before: WorldEvent | None, event: WorldEvent) -> WorldEvent:
        """Return what has to come before ``event``, which is left in ``after``; else ``event``."""
        if before is None:
            return event
        self.after.append(event)
        return before

    def last(self, *events: WorldEvent) -> WorldEvent:
        """Return the event that is first, where ``after`` holds all that comes before ``events``:
        one or more, in their order."""
        self.after.extend(events)
        return self.after.popleft()

    def event(self, name: str, guild: Guild | None, data: Any) -> WorldEvent:
        """Make an event of ``guild`` (None: a direct one) from a value that is encoded here."""
        if guild is None:
            return WorldEvent(name, None, encode(data), intents_of(name, None))
        event = WorldEvent(name, guild.id, encode(data), intents_of(name, guild.id))
        place = _PLACE.get(name)
        if place is not None and guild.unseen:
            event.unseen = int(data[place]) in guild.unseen
        return event


Handler = Callable[[Scene, Guild], WorldEvent]
