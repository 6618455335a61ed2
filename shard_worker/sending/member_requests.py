"""All members of a guild: once in 30 seconds a guild and session ("Request Guild Members").

What goes over it is answered with RATE_LIMITED, so it is refused here, and told when it may be
asked again. Requests by the beginning of a name or by user ids are not limited so.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from cluster.commands import BusyError
from cluster.decode_errors import MALFORMED
from cluster.discord.opcodes import Op

WINDOW_S: Final = 30.0
MARGIN_S: Final = 1.0
"""The server counts by arrival."""


class _Asked(msgspec.Struct):
    guild_id: Any = None
    query: Any = None
    limit: Any = None
    user_ids: Any = None


class _Payload(msgspec.Struct):
    d: _Asked


_payload: Final = msgspec.json.Decoder(_Payload)


def whole_guilds(op: int, payload: bytes) -> tuple[str, ...]:
    """The guilds whose members are all asked for by this payload; mostly none."""
    if op != Op.REQUEST_GUILD_MEMBERS:
        return ()
    try:
        asked = _payload.decode(payload).d
    except MALFORMED:
        return ()  # whatever it is, Discord says
    if asked.user_ids is not None or asked.query or asked.limit:
        return ()
    ids = asked.guild_id if isinstance(asked.guild_id, list) else [asked.guild_id]
    return tuple(str(one) for one in ids)


class MemberRequests:
    """When which guild was asked for. Times are seconds of the caller's monotonic clock."""

    def __init__(self) -> None:
        self._sent: dict[str, float] = {}
        self._queued: set[str] = set()

    def queue(self, guilds: tuple[str, ...], now: float) -> None:
        """These will be asked for. BusyError: one was a moment ago, or will be."""
        for guild in guilds:
            again = self._sent.get(guild, -WINDOW_S - MARGIN_S) + WINDOW_S + MARGIN_S
            if guild in self._queued:
                again = now + WINDOW_S + MARGIN_S
            if again > now:
                raise BusyError.after(
                    again - now,
                    f"all members of guild {guild} were asked for less than {WINDOW_S:g} s ago",
                )
        self._queued.update(guilds)

    def sent(self, guilds: tuple[str, ...], now: float) -> None:
        """They were asked for."""
        self._queued.difference_update(guilds)
        old = now - WINDOW_S - MARGIN_S
        self._sent = {guild: at for guild, at in self._sent.items() if at > old}
        self._sent |= dict.fromkeys(guilds, now)

    def dropped(self, guilds: tuple[str, ...]) -> None:
        """They were not asked for, and will not be."""
        self._queued.difference_update(guilds)
