"""`Parts` as dicts."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from cluster.cache.guild_state import GuildState
from cluster.cache.kinds import Keep, Kind
from cluster.discord.limits import shard_of_guild


class DictParts:
    """The parts of all guilds, in memory."""

    def __init__(self, keep: Iterable[Keep] = Keep) -> None:
        kept = frozenset(keep)
        self.keeps_members = Keep.MEMBERS in kept
        self.keeps_presences = Keep.PRESENCES in kept
        self.keeps_users = Keep.USERS in kept
        self.own_id = 0
        self.all: dict[tuple[int, Kind, int], bytes] = {}
        self.states: dict[int, GuildState] = {}
        self.users: dict[int, bytes] = {}
        self.ready: bytes | None = None

    def doubt(self, shard_id: int, shard_count: int) -> None:
        """Note that events of a shard (-1: of all) were missed."""
        for guild_id, state in self.states.items():
            if shard_id == -1 or shard_of_guild(guild_id, shard_count) == shard_id:
                self.states[guild_id] = replace(state, unknown_since_ns=1)

    def part(self, guild_id: int, kind: Kind, part_id: int) -> bytes | None:
        return self.all.get((guild_id, kind, part_id))

    def parts(self, guild_id: int, kind: Kind) -> list[tuple[int, bytes]]:
        found = [(key[2], part) for key, part in self.all.items() if key[:2] == (guild_id, kind)]
        return sorted(found)

    def put(self, guild_id: int, kind: Kind, part_id: int, part: bytes) -> None:
        assert type(part) is bytes
        self.all[guild_id, kind, part_id] = part

    def remove(self, guild_id: int, kind: Kind, part_id: int) -> None:
        self.all.pop((guild_id, kind, part_id), None)

    def replace(self, guild_id: int, kind: Kind, parts: Iterable[tuple[int, bytes]]) -> None:
        for part_id, _ in self.parts(guild_id, kind):
            self.remove(guild_id, kind, part_id)
        for part_id, part in parts:
            self.put(guild_id, kind, part_id, part)

    def state(self, guild_id: int) -> GuildState | None:
        return self.states.get(guild_id)

    def set_state(self, guild_id: int, state: GuildState) -> None:
        self.states[guild_id] = state

    def guild_ids(self) -> list[int]:
        return sorted(self.states)

    def forget(self, guild_id: int) -> None:
        self.states.pop(guild_id, None)
        self.all = {key: part for key, part in self.all.items() if key[0] != guild_id}

    def bot(self) -> bytes | None:
        return self.ready

    def set_bot(self, own_id: int, bot: bytes) -> None:
        self.own_id, self.ready = own_id, bot

    def user(self, user_id: int) -> bytes | None:
        return self.users.get(user_id)

    def put_user(self, user_id: int, user: bytes) -> None:
        self.users[user_id] = user
