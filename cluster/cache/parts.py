"""Parts: what an update reads and changes. The store is one, of which a turn is one transaction;
a dict is one in tests."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from cluster.cache.guild_state import GuildState
from cluster.cache.kinds import Kind


class Parts(Protocol):
    """The parts of all guilds. A part is the JSON text of one object."""

    @property
    def own_id(self) -> int:
        """The bot's user id, by the last READY; 0: none has come."""

    @property
    def keeps_members(self) -> bool:
        """Whether every member is kept, and not only the bot and who is in voice."""

    @property
    def keeps_presences(self) -> bool: ...

    @property
    def keeps_users(self) -> bool: ...

    def part(self, guild_id: int, kind: Kind, part_id: int) -> bytes | None: ...

    def parts(self, guild_id: int, kind: Kind) -> list[tuple[int, bytes]]:
        """Return (id, part) of all parts of a kind."""

    def put(self, guild_id: int, kind: Kind, part_id: int, part: bytes) -> None: ...

    def remove(self, guild_id: int, kind: Kind, part_id: int) -> None:
        """Remove a part, if it is there."""

    def replace(self, guild_id: int, kind: Kind, parts: Iterable[tuple[int, bytes]]) -> None:
        """Put these in the place of all parts of a kind."""

    def state(self, guild_id: int) -> GuildState | None:
        """Return how a guild stands; None: the bot is not in it."""

    def set_state(self, guild_id: int, state: GuildState) -> None: ...

    def guild_ids(self) -> list[int]: ...

    def forget(self, guild_id: int) -> None:
        """Remove a guild with all its parts."""

    def bot(self) -> bytes | None:
        """Return what READY says of the bot, whichever session's it was; None: none has come."""

    def set_bot(self, own_id: int, bot: bytes) -> None: ...

    def user(self, user_id: int) -> bytes | None: ...

    def put_user(self, user_id: int, user: bytes) -> None: ...


def knows(parts: Parts, guild_id: int) -> bool:
    """Return whether a guild has parts: its GUILD_CREATE has come."""
    state = parts.state(guild_id)
    return state is not None and state.known
