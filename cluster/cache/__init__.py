"""The cache: the guilds of a cluster's bot and what is in them, kept in LMDB by one process and
read by any number of others of the host."""

from cluster.cache.errors import CacheError, CacheFullError
from cluster.cache.guild_state import GuildState
from cluster.cache.reading.part import Bot, Part
from cluster.cache.reading.reader import Cache
from cluster.cache.reading.snapshot import CachedGuild, Snapshot

__all__ = [
    "Bot",
    "Cache",
    "CacheError",
    "CacheFullError",
    "CachedGuild",
    "GuildState",
    "Part",
    "Snapshot",
]


def __dir__() -> list[str]:
    return __all__
