"""Whom GUILD_CREATE shows to whom ("Gateway Events", "Guild Create")."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from cluster.cache import schema
from cluster.cache.errors import DamagedCacheError
from cluster.cache.guild_state import GuildState
from cluster.cache.kinds import Kind
from cluster.cache.reading.guild_create import MOST_MEMBERS, guild_create
from cluster.discord.intents import ALL_INTENTS, Intents

ALL = int(ALL_INTENTS)
NO_PRESENCES = ALL & ~Intents.GUILD_PRESENCES
GUILD, BOT, VOICE, ONLINE, OFFLINE = 1 << 22, 1, 2, 3, 4


class Parts:
    """A guild with one member of each sort."""

    def __init__(self) -> None:
        self.keyed: dict[bytes, bytes] = {}
        self._put(Kind.GUILD, GUILD, {"id": str(GUILD)})
        self._put(Kind.ROLE, 5, {"id": "5"})
        self._put(Kind.VOICE_STATE, VOICE, {"user_id": str(VOICE)})
        for user_id in (BOT, VOICE, ONLINE, OFFLINE):
            self._put(Kind.MEMBER, user_id, {"user": {"id": str(user_id)}})
        for user_id in (VOICE, ONLINE):
            self._put(Kind.PRESENCE, user_id, {"user": {"id": str(user_id)}})

    def _put(self, kind: Kind, part_id: int, value: Any) -> None:
        self.keyed[schema.pack_part(GUILD, kind.code, part_id)] = msgspec.json.encode(value)

    def between(self, first: Kind, last: Kind) -> Iterator[tuple[bytes, bytes]]:
        for key, part in sorted(self.keyed.items()):
            if first.code <= key[8] <= last.code:
                yield key, part

    def one(self, kind: Kind, part_id: bytes) -> bytes | None:
        return self.keyed.get(schema.pack_kind(GUILD, kind.code) + part_id)


def shown(intents: int, member_count: int, threshold: int = 50) -> Any:
    state = GuildState(member_count=member_count, known=True)
    data = guild_create(state, BOT, Parts(), intents=intents, large_threshold=threshold)
    return msgspec.json.decode(data)


@pytest.mark.parametrize(
    ("intents", "member_count", "members", "presences", "large"),
    [
        (ALL, 4, {BOT, VOICE, ONLINE, OFFLINE}, {VOICE, ONLINE}, False),
        (ALL, 50, {BOT, VOICE, ONLINE, OFFLINE}, {VOICE, ONLINE}, False),
        (ALL, 51, {BOT, VOICE, ONLINE}, {VOICE, ONLINE}, True),
        (ALL, MOST_MEMBERS, {BOT, VOICE, ONLINE}, {VOICE, ONLINE}, True),
        (ALL, MOST_MEMBERS + 1, {BOT, VOICE}, {VOICE}, True),
        (NO_PRESENCES, 4, {BOT, VOICE}, set(), False),
        (NO_PRESENCES, 51, {BOT, VOICE}, set(), True),
        (int(Intents.GUILDS), MOST_MEMBERS + 1, {BOT, VOICE}, set(), True),
    ],
)
def test_whom_it_shows(
    intents: int, member_count: int, members: set[int], presences: set[int], large: bool
) -> None:
    made = shown(intents, member_count)
    assert {int(one["user"]["id"]) for one in made["members"]} == members
    assert {int(one["user"]["id"]) for one in made["presences"]} == presences
    assert (made["large"], made["member_count"]) == (large, member_count)


def test_every_list_is_there() -> None:
    made = shown(ALL, 4)
    lists = {name for name, value in made.items() if isinstance(value, list)}
    assert lists == {kind.value for kind in Kind if kind is not Kind.GUILD}
    assert made["roles"] == [{"id": "5"}]
    assert made["voice_states"] == [{"user_id": str(VOICE)}]
    assert made["emojis"] == []
    assert made["unavailable"] is False


@pytest.mark.parametrize(
    "key", [b"", schema.pack_part(GUILD, 99, 1), schema.pack_part(GUILD, 1, 9)]
)
def test_what_is_no_part(key: bytes) -> None:
    parts = Parts()
    parts.between = lambda first, last: iter([(key, b"{}"), *parts.keyed.items()])  # type: ignore[method-assign]
    with pytest.raises(DamagedCacheError):
        guild_create(GuildState(known=True), BOT, parts, intents=ALL, large_threshold=50)
