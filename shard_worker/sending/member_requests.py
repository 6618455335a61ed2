"""Requests for all members of a guild: one in 30 s a guild ("Request Guild Members"). Pure.

Discord answers a second one with RATE_LIMITED, so it is refused here, with the time after which it
may be asked again. Requests by the beginning of a name or by user ids are not limited so.
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


class _Request(msgspec.Struct):
    guild_id: Any = None
    query: Any = None
    limit: Any = None
    user_ids: Any = None


class _Payload(msgspec.Struct):
    d: _Request


_payload: Final = msgspec.json.Decoder(_Payload)


def whole_guilds(op: int, payload: bytes) -> tuple[str, ...]:
    """Return the ids of the guilds whose members are all asked for by this payload; mostly none."""
    if op != Op.REQUEST_GUILD_MEMBERS:
        return ()
    try:
        request = _payload.decode(payload).d
    except MALFORMED:
        return ()  # what is wrong with it, Discord says
    if request.user_ids is not None or request.query or request.limit:
        return ()
    ids = request.guild_id if isinstance(request.guild_id, list) else [request.guild_id]
    return tuple(str(guild_id) for guild_id in ids)


class MemberRequests:
    """One session's requests for all members of guilds. Times are seconds of the caller's monotonic
    clock."""

    def __init__(self) -> None:
        self._sent: dict[str, float] = {}
        self._queued: set[str] = set()

    def queue(self, guilds: tuple[str, ...], now: float) -> None:
        """Note that requests for these guilds wait to be sent. BusyError: one of them waits
        already, or was sent less than 30 s ago."""
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
        """Note that the requests for these guilds were sent now."""
        self._queued.difference_update(guilds)
        old = now - WINDOW_S - MARGIN_S
        self._sent = {guild: sent_at for guild, sent_at in self._sent.items() if sent_at > old}
        self._sent |= dict.fromkeys(guilds, now)

    def dropped(self, guilds: tuple[str, ...]) -> None:
        """Note that the requests for these guilds will not be sent."""
        self._queued.difference_update(guilds)
