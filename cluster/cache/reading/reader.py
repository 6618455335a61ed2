"""Cache: the guilds of a cluster's bot, read by any process of the host.

from dcgw import Cache

with Cache() as cache:
    guild = cache.guild(290926798626357999)
    with cache.snapshot() as view:                 # all of it as it was at one moment
        for channel in view.channels(290926798626357999):
            print(channel.typed().name)
"""

from __future__ import annotations

import os
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import lmdb

from cluster.cache.errors import CacheError
from cluster.cache.reading.environments import Environment, opened
from cluster.cache.reading.part import Bot, Part
from cluster.cache.reading.snapshot import CachedGuild, Snapshot
from cluster.endpoints.discovery import find_cluster
from cluster.events.objects.channels import Channel
from cluster.events.objects.gateway import GatewayGuild
from cluster.events.objects.members import Member, Role
from cluster.events.objects.presences import Presence
from cluster.events.objects.users import User
from cluster.events.objects.voice import VoiceState

FOLDER: Final = "cache"
"""The cache's folder in the state folder of a cluster."""


class Cache:
    """Reads the cache of a cluster of this host. ``close`` it, or use it as a context manager.

    Each method reads the cache as it is when it is called; what is to belong together is read from
    one ``snapshot``. Thread use: any; a snapshot by one thread.
    """

    def __init__(self, folder: str | os.PathLike[str] | None = None) -> None:
        """folder: the cache's; None: that of the one cluster that runs on this host.

        Raises CacheError where there is none to read, and NotRunningError.
        """
        where = Path(find_cluster().state_dir) / FOLDER if folder is None else Path(folder)
        self._folder = where.resolve()
        self._env: Environment | None = opened(self._folder)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        self.close()

    def close(self) -> None:
        """Close it. Calling it again does nothing."""
        if self._env is not None:
            self._env.release()
            self._env = None

    def snapshot(self) -> Snapshot:
        """Return the cache as it is now: ``with cache.snapshot() as view:``. Keep it for seconds at
        most, since what it holds can't be written over. Raises CacheError."""
        env = self._env
        if env is None:
            raise CacheError("this Cache is closed", "open another one")
        try:
            if not env.is_current():
                self._env = opened(self._folder)
                env.release()
                env = self._env
            return env.snapshot()
        except lmdb.Error as error:
            raise CacheError(f"the cache in {self._folder} can't be read: {error}") from None

    @property
    def position(self) -> dict[str, Any] | None:
        """How far the events are in it; None: nothing has come yet."""
        with self.snapshot() as view:
            return view.position

    def bot(self) -> Part[Bot] | None:
        """Return the bot's user and application; None: no READY has come."""
        with self.snapshot() as view:
            return view.bot()

    def guild_ids(self) -> list[int]:
        """Return the ids of all guilds of the bot, also of unavailable ones, in order."""
        with self.snapshot() as view:
            return view.guild_ids()

    def guilds(self) -> list[CachedGuild]:
        """Return how all guilds of the bot stand, in the order of their ids."""
        with self.snapshot() as view:
            return view.guilds()

    def guild(self, guild_id: int) -> Part[GatewayGuild] | None:
        """Return a guild without its lists; None: the bot is not in it, or it has not come yet."""
        with self.snapshot() as view:
            return view.guild(guild_id)

    def guild_state(self, guild_id: int) -> CachedGuild | None:
        """Return how a guild stands: its shard, its member_count, whether it is unavailable."""
        with self.snapshot() as view:
            return view.guild_state(guild_id)

    def guild_create(self, guild_id: int, intents: int, large_threshold: int = 50) -> bytes | None:
        """Return ``d`` of GUILD_CREATE as a session with these intents gets it; None: the guild is
        unavailable, or the bot is not in it."""
        with self.snapshot() as view:
            return view.guild_create(guild_id, intents, large_threshold)

    def channels(self, guild_id: int) -> list[Part[Channel]]:
        with self.snapshot() as view:
            return view.channels(guild_id)

    def channel(self, guild_id: int, channel_id: int) -> Part[Channel] | None:
        """Return a channel or an active thread."""
        with self.snapshot() as view:
            return view.channel(guild_id, channel_id)

    def threads(self, guild_id: int) -> list[Part[Channel]]:
        """Return the active threads that the bot can view."""
        with self.snapshot() as view:
            return view.threads(guild_id)

    def roles(self, guild_id: int) -> list[Part[Role]]:
        with self.snapshot() as view:
            return view.roles(guild_id)

    def role(self, guild_id: int, role_id: int) -> Part[Role] | None:
        with self.snapshot() as view:
            return view.role(guild_id, role_id)

    def members(self, guild_id: int) -> list[Part[Member]]:
        """Return the members that are known."""
        with self.snapshot() as view:
            return view.members(guild_id)

    def member(self, guild_id: int, user_id: int) -> Part[Member] | None:
        with self.snapshot() as view:
            return view.member(guild_id, user_id)

    def presence(self, guild_id: int, user_id: int) -> Part[Presence] | None:
        with self.snapshot() as view:
            return view.presence(guild_id, user_id)

    def voice_states(self, guild_id: int) -> list[Part[VoiceState]]:
        with self.snapshot() as view:
            return view.voice_states(guild_id)

    def user(self, user_id: int) -> Part[User] | None:
        """Return a user, if users are kept."""
        with self.snapshot() as view:
            return view.user(user_id)
