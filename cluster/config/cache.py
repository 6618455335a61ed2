"""What of the bot's guilds a cluster keeps, and whether Discord sends that."""

from __future__ import annotations

from typing import Final

from cluster.config.keys import ClusterKeys, KeepName
from cluster.discord.intents import Intents
from cluster.errors import ConfigError

NEEDS: Final[dict[KeepName, Intents]] = {
    "guilds": Intents.GUILDS,
    "members": Intents.GUILD_MEMBERS,
    "presences": Intents.GUILD_PRESENCES,
}
"""What of `cache.keep` needs which intent."""


def kept(config: ClusterKeys) -> tuple[KeepName, ...]:
    """Return what is kept, in the order of the alphabet; nothing: there is no cache. Whatever is,
    the guilds are, too, and the proxy needs them."""
    keep = config.cache.keep
    names = {keep} if isinstance(keep, str) else set(keep)
    if names or config.proxy.listen:
        names.add("guilds")
    return tuple(sorted(names))


def brought(intents: int) -> tuple[KeepName, ...]:
    """Return all of `cache.keep` that Discord sends with these intents."""
    return tuple(name for name, intent in NEEDS.items() if intents & intent)


def check_cache(config: ClusterKeys, intents: int) -> None:
    """Raise ConfigError for a cache of what Discord does not send to this account, or not with
    these intents."""
    names = kept(config)
    if not names:
        return
    key = "cache.keep" if config.cache.keep else "proxy.listen"
    if config.account == "user":
        raise ConfigError(
            f'{key} is set, and account is "user"', "take it out: the cache is for bots"
        )
    for name in names:
        if (intent := NEEDS.get(name)) and not intents & intent:
            what = f"keeps the bot's {name}" if name == "guilds" else f"names {name!r}"
            raise ConfigError(
                f"{key} {what}, and intents has no {str(intent.name).lower()}",
                "add it to intents: without it Discord does not tell of them",
            )
