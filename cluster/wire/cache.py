"""What is asked of a cluster's cache, and its answers: the verb `cache` of the control endpoint.

The coordinator passes a question on to the cache's process, and its answer back, without reading
them. An answer is bounded: what is longer comes page by page, each of the moment at which it was
asked for.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

import msgspec

from cluster.wire.position import Saved

PAGE_BYTES: Final = 256 * 1024
"""Bytes of parts after which a page ends; a single part may be larger."""
PAGE_ITEMS: Final = 2000
"""The most parts, or ids, of a page."""

Snowflake = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]


class CacheAsk(msgspec.Struct, frozen=True, kw_only=True):
    """The args of `cache`."""

    what: Literal["position", "bot", "user", "guild_ids", "guild", "parts", "part"]
    """"guild": how it stands; "parts": those of one kind of a guild; "part": one of them."""
    guild: Snowflake = 0
    kind: Annotated[str, msgspec.Meta(max_length=32)] = ""
    """The name of the kind's list in GUILD_CREATE, or "guild"."""
    id: Snowflake = 0
    """Of "part" and "user": its id. Of a page: the id after which it begins; 0: the first page."""


class GuildRow(msgspec.Struct, frozen=True, array_like=True):
    """How a guild stands in the cache."""

    id: int
    shard_id: int
    shard_count: int
    known: bool
    unavailable: bool
    member_count: int
    unknown_since_ns: int
    """Unix time since which nobody knows how old the guild's parts are, since events were missed;
    0: they are as Discord told them."""


class CachePage(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The answer to a CacheAsk."""

    ids: list[int] = []
    """Ids of the parts, or of guilds, in ascending order."""
    parts: list[bytes] = []
    """The JSON text of each part."""
    more: bool = False
    """Whether another page follows, after the last of these ids."""
    guild: GuildRow | None = None
    """The guild that was asked about; None: it is not in the cache, or none was."""
    position: Saved | None = None
    """Of "position": up to where the cluster's events are in the cache; None: none are yet."""
