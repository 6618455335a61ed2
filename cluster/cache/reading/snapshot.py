"""Snapshot: the cache as it was at one position, for as long as it is open.

It is one read transaction of LMDB. Pages that it reads from can't be used again by the writer until
it is closed, so it is meant to be short: seconds, not minutes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any, NamedTuple, Self, cast

import lmdb
import msgspec

from cluster.cache import schema
from cluster.cache.errors import DAMAGE, CacheError, DamagedCacheError
from cluster.cache.guild_state import GuildState, decode_state
from cluster.cache.kinds import Kind
from cluster.cache.reading.guild_create import guild_create
from cluster.cache.reading.part import CLASSES, Bot, Part
from cluster.discord.limits import shard_of_guild
from cluster.events.objects.channels import Channel
from cluster.events.objects.expressions import Emoji, SoundboardSound, Sticker
from cluster.events.objects.gateway import GatewayGuild
from cluster.events.objects.members import Member, Role
from cluster.events.objects.presences import Presence
from cluster.events.objects.schedule import ScheduledEvent, StageInstance
from cluster.events.objects.users import User
from cluster.events.objects.voice import VoiceState
from cluster.wire.position import ShardKey


class CachedGuild(NamedTuple):
    """A guild in the list of all."""

    id: int
    shard_id: int
    shard_count: int
    state: GuildState


class Snapshot:
    """What the cache held when it was taken. ``close`` it, or use it as a context manager.

    Thread use: one thread at a time.
    """

    def __init__(
        self, txn: lmdb.Transaction, databases: schema.Databases,
        condemn: Callable[[str], None] | None = None,
    ) -> None:  # fmt: skip
        """condemn: is told, when the context is left, what damage was come upon in it."""
        self._txn = txn
        self._db = databases
        self._condemn = condemn
        self.is_open = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        """Close it. Raises DamagedCacheError for damage that was come upon, and CacheError for what
        else LMDB has refused."""
        self.close()
        if isinstance(error, DAMAGE):
            if self._condemn is not None:
                self._condemn(str(error))
            if not isinstance(error, DamagedCacheError):
                raise DamagedCacheError(error) from error
        elif isinstance(error, lmdb.Error):
            raise CacheError(f"the cache can't be read: {error}") from error

    def close(self) -> None:
        """Let go of it, and of its place among the readers. Calling it again does nothing."""
        self.is_open = False
        self._txn.abort()

    # What all of the cache is

    @property
    def position(self) -> dict[str, Any] | None:
        """How far the events are in it, as `Subscriber.position` has it, which goes on from there
        (``start=``). None: nothing has come yet."""
        saved = self._get(schema.POSITION, self._db.about)
        return None if saved is None else msgspec.json.decode(saved)

    def bot(self) -> Part[Bot] | None:
        """Return READY as all sessions of the bot have it, an object: user, application and more,
        without guilds, shard, session_id and resume_gateway_url. None: none has come."""
        bot = self._get(schema.BOT, self._db.about)
        return None if bot is None else Part(Bot, bot[8:])

    @property
    def own_id(self) -> int:
        """The bot's user id; 0: no READY has come."""
        bot = self._get(schema.BOT, self._db.about)
        return 0 if bot is None else int(schema.unpack_id(bot[:8])[0])

    def guild_ids(self) -> list[int]:
        """Return the ids of all guilds of the bot, also of unavailable ones, in order."""
        return list(self.guild_ids_from(0))

    def guild_ids_from(self, first: int) -> Iterator[int]:
        """Yield the ids of the guilds from this one on, in order."""
        cursor = self._txn.cursor(db=self._db.guilds)
        if cursor.set_range(schema.pack_id(first)):
            for key in cursor.iternext(keys=True, values=False):
                yield schema.unpack_id(key)[0]

    def guilds(self) -> list[CachedGuild]:
        """Return how all guilds of the bot stand, also unavailable ones, in the order of ids."""
        count = self.shard_count()
        found = []
        for key, value in self._txn.cursor(db=self._db.guilds):
            guild_id = schema.unpack_id(key)[0]
            shard_id = shard_of_guild(guild_id, count)
            state = decode_state(bytes(value))
            found.append(CachedGuild(guild_id, shard_id, count, state))
        return found

    def guild_state(self, guild_id: int) -> CachedGuild | None:
        """Return how a guild stands; None: the bot is not in it."""
        state = self._state(guild_id)
        if state is None:
            return None
        count = self.shard_count()
        return CachedGuild(guild_id, shard_of_guild(guild_id, count), count, state)

    def whole_shards(self) -> set[ShardKey]:
        """Return the shards of which every guild is known: their READY has come, or that of the
        shards before them, and nothing was missed since."""
        keys = self._txn.cursor(db=self._db.whole).iternext(keys=True, values=False)
        return {ShardKey(*schema.unpack_shard(key)) for key in keys}

    def is_unavailable(self, guild_id: int) -> bool:
        """Return whether a guild can't be shown: an outage hides it, its GUILD_CREATE has not come
        yet, or the bot is not in it."""
        state = self._state(guild_id)
        return state is None or state.unavailable or not state.known

    def is_doubtful(self, guild_id: int) -> bool:
        """Return whether events of a guild were missed since its last GUILD_CREATE, so that nobody
        knows how old it is."""
        state = self._state(guild_id)
        return state is not None and state.unknown_since_ns > 0

    def _state(self, guild_id: int) -> GuildState | None:
        value = self._get(schema.pack_id(guild_id), self._db.guilds)
        return None if value is None else decode_state(value)

    def guild_create(self, guild_id: int, intents: int, large_threshold: int = 50) -> bytes | None:
        """Return ``d`` of GUILD_CREATE as a session with these intents gets it; None: the guild is
        unavailable, or the bot is not in it. large_threshold: IDENTIFY's, 50 to 250."""
        state = self._state(guild_id)
        if state is None or state.unavailable or not state.known:
            return None
        parts = _GuildParts(self._txn, self._db.parts, guild_id)
        return guild_create(
            state, self.own_id, parts, intents=intents, large_threshold=large_threshold
        )

    # Parts

    def guild(self, guild_id: int) -> Part[GatewayGuild] | None:
        """Return a guild without its lists and its member_count (`guild_state`)."""
        return self._part(guild_id, Kind.GUILD, guild_id)

    def channels(self, guild_id: int) -> list[Part[Channel]]:
        return self._parts(guild_id, Kind.CHANNEL)

    def channel(self, guild_id: int, channel_id: int) -> Part[Channel] | None:
        """Return a channel or an active thread."""
        return self._part(guild_id, Kind.CHANNEL, channel_id) or self._part(
            guild_id, Kind.THREAD, channel_id
        )

    def threads(self, guild_id: int) -> list[Part[Channel]]:
        """Return the active threads that the bot can view."""
        return self._parts(guild_id, Kind.THREAD)

    def roles(self, guild_id: int) -> list[Part[Role]]:
        return self._parts(guild_id, Kind.ROLE)

    def role(self, guild_id: int, role_id: int) -> Part[Role] | None:
        return self._part(guild_id, Kind.ROLE, role_id)

    def emojis(self, guild_id: int) -> list[Part[Emoji]]:
        return self._parts(guild_id, Kind.EMOJI)

    def stickers(self, guild_id: int) -> list[Part[Sticker]]:
        return self._parts(guild_id, Kind.STICKER)

    def stage_instances(self, guild_id: int) -> list[Part[StageInstance]]:
        return self._parts(guild_id, Kind.STAGE_INSTANCE)

    def scheduled_events(self, guild_id: int) -> list[Part[ScheduledEvent]]:
        return self._parts(guild_id, Kind.SCHEDULED_EVENT)

    def soundboard_sounds(self, guild_id: int) -> list[Part[SoundboardSound]]:
        return self._parts(guild_id, Kind.SOUNDBOARD_SOUND)

    def voice_states(self, guild_id: int) -> list[Part[VoiceState]]:
        return self._parts(guild_id, Kind.VOICE_STATE)

    def voice_state(self, guild_id: int, user_id: int) -> Part[VoiceState] | None:
        return self._part(guild_id, Kind.VOICE_STATE, user_id)

    def members(self, guild_id: int) -> list[Part[Member]]:
        """Return the members that are known: the bot and who is in voice; with `keep = ["members"]`
        those whom GUILD_CREATE and later events have shown."""
        return self._parts(guild_id, Kind.MEMBER)

    def member(self, guild_id: int, user_id: int) -> Part[Member] | None:
        return self._part(guild_id, Kind.MEMBER, user_id)

    def presences(self, guild_id: int) -> list[Part[Presence]]:
        """Return the presences of who is not offline, if presences are kept."""
        return self._parts(guild_id, Kind.PRESENCE)

    def presence(self, guild_id: int, user_id: int) -> Part[Presence] | None:
        return self._part(guild_id, Kind.PRESENCE, user_id)

    def user(self, user_id: int) -> Part[User] | None:
        """Return a user, if users are kept; None: none such was seen."""
        found = self._get(schema.pack_id(user_id), self._db.users)
        return None if found is None else Part(User, found)

    # What they are read with

    def keyed(self, prefix: bytes, start: bytes = b"") -> Iterator[tuple[bytes, bytes]]:
        """Yield (key, part) of all parts whose keys begin so, in the order of keys. start: the
        least key, if not all are wanted."""
        cursor: Any = self._txn.cursor(db=self._db.parts)
        if not cursor.set_range(start or prefix):
            return
        for key, value in cursor:
            if not key.startswith(prefix):
                return
            yield key, value

    def _get(self, key: bytes, db: lmdb._Database) -> bytes | None:
        return cast("bytes | None", self._txn.get(key, db=db))  # no buffers were asked for

    def shard_count(self) -> int:
        """Return the shard count of the newest event; 1: none has come."""
        count = self._get(schema.COUNT, self._db.about)
        return 1 if count is None else int(schema.unpack_count(count)[0])

    def _part(self, guild_id: int, kind: Kind, part_id: int) -> Part[Any] | None:
        found = self._get(schema.pack_part(guild_id, kind.code, part_id), self._db.parts)
        return None if found is None else Part(CLASSES[kind], found)

    def _parts(self, guild_id: int, kind: Kind) -> list[Part[Any]]:
        cls = CLASSES[kind]
        keyed = self.keyed(schema.pack_kind(guild_id, kind.code))
        return [Part(cls, value) for _, value in keyed]


class _GuildParts:
    """The parts of one guild (`guild_create.GuildParts`)."""

    def __init__(self, txn: lmdb.Transaction, db: lmdb._Database, guild_id: int) -> None:
        self._txn = txn
        self._db = db
        self._guild_id = guild_id

    def between(self, first: Kind, last: Kind) -> Iterator[tuple[bytes, bytes]]:
        cursor: Any = self._txn.cursor(db=self._db)
        if not cursor.set_range(schema.pack_kind(self._guild_id, first.code)):
            return
        end = schema.pack_kind(self._guild_id, last.code + 1)
        for keyed in cursor:
            if keyed[0] >= end:
                return
            yield keyed

    def one(self, kind: Kind, part_id: bytes) -> bytes | None:
        key = schema.pack_kind(self._guild_id, kind.code) + part_id
        return cast("bytes | None", self._txn.get(key, db=self._db))  # no buffers were asked for
