"""Answers questions about the cache, from one snapshot each."""

from __future__ import annotations

from itertools import islice
from typing import Final

from cluster.cache import schema
from cluster.cache.kinds import Kind
from cluster.cache.reading.snapshot import Snapshot
from cluster.errors import ClusterError
from cluster.wire.cache import PAGE_BYTES, PAGE_ITEMS, CacheAsk, CachePage, GuildRow
from cluster.wire.position import read_saved

KINDS: Final = {kind.value: kind for kind in Kind}


def answer(view: Snapshot, ask: CacheAsk) -> CachePage:
    """Return the answer. ClusterError: it asks for a kind that there is not."""
    match ask.what:
        case "position":
            position = view.position
            return CachePage(position=None if position is None else read_saved(position))
        case "bot":
            bot = view.bot()
            return CachePage(parts=[] if bot is None else [bot.raw])
        case "guild_ids":
            ids = list(islice(view.guild_ids_from(ask.id + 1 if ask.id else 0), PAGE_ITEMS + 1))
            return CachePage(ids=ids[:PAGE_ITEMS], more=len(ids) > PAGE_ITEMS)
        case "user":
            user = view.user(ask.id)
            return CachePage(parts=[] if user is None else [user.raw])
        case "guild" | "part" | "parts":
            return _of_guild(view, ask)


def _of_guild(view: Snapshot, ask: CacheAsk) -> CachePage:
    found = view.guild_state(ask.guild)
    if found is None:
        return CachePage()
    state = found.state
    guild = GuildRow(
        found.id, found.shard_id, found.shard_count, state.known, state.unavailable,
        state.member_count, state.unknown_since_ns,
    )  # fmt: skip
    if ask.what == "guild":
        return CachePage(guild=guild)
    kind = _kind(ask.kind)
    prefix = schema.pack_kind(ask.guild, kind.code)
    first = ask.id if ask.what == "part" else ask.id + 1 if ask.id else 0
    ids: list[int] = []
    parts: list[bytes] = []
    more, size = False, 0
    for key, part in view.keyed(prefix, schema.pack_part(ask.guild, kind.code, first)):
        part_id = schema.unpack_part(key)[2]
        if ask.what == "part" and part_id != ask.id:
            break
        if len(parts) == PAGE_ITEMS or (parts and size + len(part) > PAGE_BYTES):
            more = True
            break
        ids.append(part_id)
        parts.append(part)
        size += len(part)
    return CachePage(ids=ids, parts=parts, more=more, guild=guild)


def _kind(name: str) -> Kind:
    if (kind := KINDS.get(name)) is None:
        raise ClusterError(f"the cache has no {name!r} of guilds", f"there are {', '.join(KINDS)}")
    return kind
