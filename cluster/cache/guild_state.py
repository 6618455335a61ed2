"""What the cache knows of a guild beside its parts."""

from __future__ import annotations

from typing import Final

import msgspec

from cluster.cache.errors import DamagedCacheError
from cluster.decode_errors import MALFORMED


class GuildState(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """How a guild stands in the cache."""

    unavailable: bool = False
    """An outage hides it, or READY has named it and its GUILD_CREATE has not come yet."""
    member_count: int = 0
    unknown_since_ns: int = 0
    """Unix time at which events of its shard were missed, so that nobody knows how old its parts
    are, until its next GUILD_CREATE; 0: it is as Discord told it."""
    known: bool = False
    """It has parts: a GUILD_CREATE has come, if an outage has not hidden the guild since READY."""


encode_state: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(GuildState).decode


def decode_state(value: bytes) -> GuildState:
    """Return what `encode_state` made. Raises DamagedCacheError."""
    try:
        return _decode(value)
    except MALFORMED as error:
        raise DamagedCacheError(f"the state of a guild is none ({error})") from error
