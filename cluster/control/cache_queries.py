"""CacheQueries: what `Cache` reads on the cluster's own host, asked over the control endpoint.

Each answer is of the moment at which it is given; what is longer than a page is put together of
several, between which the cache goes on.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from cluster.cache.kinds import Kind
from cluster.cache.reading.part import CLASSES, Bot, Part
from cluster.events.objects.channels import Channel
from cluster.events.objects.expressions import Emoji, SoundboardSound, Sticker
from cluster.events.objects.gateway import GatewayGuild
from cluster.events.objects.members import Member, Role
from cluster.events.objects.presences import Presence
from cluster.events.objects.schedule import ScheduledEvent, StageInstance
from cluster.events.objects.users import User
from cluster.events.objects.voice import VoiceState
from cluster.wire.cache import CacheAsk, CachePage, GuildRow


class CacheQueries:
    """Asks a cluster's cache: ``await control.cache.guild(guild_id)``.

    Methods return a Part, whose ``raw`` is JSON and ``typed()`` an object; None, or nothing in a
    list, where the cache does not have it. They raise ClusterError, also where the cluster keeps no
    cache, and KeyRefusedError where the key may not ask.
    """

    def __init__(self, ask: Callable[[CacheAsk], Awaitable[CachePage]]) -> None:
        self._ask = ask

    async def position(self) -> dict[str, Any] | None:
        """Return how far the events are in it, as `Subscriber.position` has it; None: nothing has
        come yet."""
        position = (await self._ask(CacheAsk(what="position"))).position
        return None if position is None else position.plain()

    async def bot(self) -> Part[Bot] | None:
        """Return the bot's user and application; None: no READY has come."""
        parts = (await self._ask(CacheAsk(what="bot"))).parts
        return Part(Bot, parts[0]) if parts else None

    async def guild_ids(self) -> list[int]:
        """Return the ids of all guilds of the bot, also of unavailable ones, in order."""
        return [one async for page in self._pages(CacheAsk(what="guild_ids")) for one in page.ids]

    async def guild_state(self, guild_id: int) -> GuildRow | None:
        """Return how a guild stands: its shard, its member_count, whether it is unavailable, since
        when it is of unknown age."""
        return (await self._ask(CacheAsk(what="guild", guild=guild_id))).guild

    async def guild(self, guild_id: int) -> Part[GatewayGuild] | None:
        """Return a guild without its lists and its member_count (`guild_state`)."""
        return await self._part(guild_id, Kind.GUILD, guild_id)

    async def channels(self, guild_id: int) -> list[Part[Channel]]:
        return await self._parts(guild_id, Kind.CHANNEL)

    async def channel(self, guild_id: int, channel_id: int) -> Part[Channel] | None:
        """Return a channel or an active thread."""
        channel = await self._part(guild_id, Kind.CHANNEL, channel_id)
        return channel or await self._part(guild_id, Kind.THREAD, channel_id)

    async def threads(self, guild_id: int) -> list[Part[Channel]]:
        """Return the active threads that the bot can view."""
        return await self._parts(guild_id, Kind.THREAD)

    async def roles(self, guild_id: int) -> list[Part[Role]]:
        return await self._parts(guild_id, Kind.ROLE)

    async def role(self, guild_id: int, role_id: int) -> Part[Role] | None:
        return await self._part(guild_id, Kind.ROLE, role_id)

    async def emojis(self, guild_id: int) -> list[Part[Emoji]]:
        return await self._parts(guild_id, Kind.EMOJI)

    async def stickers(self, guild_id: int) -> list[Part[Sticker]]:
        return await self._parts(guild_id, Kind.STICKER)

    async def stage_instances(self, guild_id: int) -> list[Part[StageInstance]]:
        return await self._parts(guild_id, Kind.STAGE_INSTANCE)

    async def scheduled_events(self, guild_id: int) -> list[Part[ScheduledEvent]]:
        return await self._parts(guild_id, Kind.SCHEDULED_EVENT)

    async def soundboard_sounds(self, guild_id: int) -> list[Part[SoundboardSound]]:
        return await self._parts(guild_id, Kind.SOUNDBOARD_SOUND)

    async def voice_states(self, guild_id: int) -> list[Part[VoiceState]]:
        return await self._parts(guild_id, Kind.VOICE_STATE)

    async def voice_state(self, guild_id: int, user_id: int) -> Part[VoiceState] | None:
        return await self._part(guild_id, Kind.VOICE_STATE, user_id)

    async def members(self, guild_id: int) -> list[Part[Member]]:
        """Return the members that are known."""
        return await self._parts(guild_id, Kind.MEMBER)

    async def member(self, guild_id: int, user_id: int) -> Part[Member] | None:
        return await self._part(guild_id, Kind.MEMBER, user_id)

    async def presences(self, guild_id: int) -> list[Part[Presence]]:
        """Return the presences of who is not offline, if presences are kept."""
        return await self._parts(guild_id, Kind.PRESENCE)

    async def presence(self, guild_id: int, user_id: int) -> Part[Presence] | None:
        return await self._part(guild_id, Kind.PRESENCE, user_id)

    async def user(self, user_id: int) -> Part[User] | None:
        """Return a user, if users are kept; None: none such was seen."""
        parts = (await self._ask(CacheAsk(what="user", id=user_id))).parts
        return Part(User, parts[0]) if parts else None

    async def _part(self, guild_id: int, kind: Kind, part_id: int) -> Part[Any] | None:
        ask = CacheAsk(what="part", guild=guild_id, kind=kind.value, id=part_id)
        parts = (await self._ask(ask)).parts
        return Part(CLASSES[kind], parts[0]) if parts else None

    async def raw_parts(self, guild_id: int, kind: Kind) -> list[tuple[int, bytes]]:
        """Return all parts of one kind of a guild: id and JSON text."""
        ask = CacheAsk(what="parts", guild=guild_id, kind=kind.value)
        pages = self._pages(ask)
        return [row async for page in pages for row in zip(page.ids, page.parts, strict=True)]

    async def _parts(self, guild_id: int, kind: Kind) -> list[Part[Any]]:
        return [Part(CLASSES[kind], raw) for _, raw in await self.raw_parts(guild_id, kind)]

    async def _pages(self, ask: CacheAsk) -> AsyncIterator[CachePage]:
        last = 0
        while True:
            page = await self._ask(CacheAsk(what=ask.what, guild=ask.guild, kind=ask.kind, id=last))
            yield page
            if not page.more:
                return
            last = page.ids[-1]
