"""What a cluster keeps of its bot's guilds: `Cache` reads it, the others are what it gives."""

from dcgw.installation import check_packages

check_packages()

from cluster.cache import (  # noqa: E402
    Bot,
    Cache,
    CachedGuild,
    CacheError,
    CacheFullError,
    GuildState,
    Part,
    Snapshot,
)

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
