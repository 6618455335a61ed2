"""What a user account's session hears of the guilds that it has subscribed to, and of the others.

Neither documentation says what an unsubscribed guild sends. As clients see it: messages and what
changes the guild come from every guild that is not large; typing, presences, members and threads
only after a subscription that names them (op 14, op 37); and of a large guild, one of more than
``large_threshold`` members, nothing but changes of the guild itself comes without one.
"""

from __future__ import annotations

from typing import Any, Final

FLAGS: Final = ("typing", "threads", "activities", "member_updates")

_BY_FLAG: Final = {
    "TYPING_START": "typing",
    "PRESENCE_UPDATE": "activities",
    "GUILD_MEMBER_ADD": "member_updates",
    "GUILD_MEMBER_UPDATE": "member_updates",
    "GUILD_MEMBER_REMOVE": "member_updates",
    "THREAD_CREATE": "threads",
    "THREAD_UPDATE": "threads",
    "THREAD_DELETE": "threads",
    "THREAD_LIST_SYNC": "threads",
    "THREAD_MEMBER_UPDATE": "threads",
    "THREAD_MEMBERS_UPDATE": "threads",
}
_STATEFUL: Final = ("GUILD_", "CHANNEL_", "STAGE_", "VOICE_CHANNEL_", "INTEGRATION_", "INVITE_")
"""Beginnings of the names of events that change what READY held."""


class MalformedSubscription(Exception):
    """A subscription that a gateway answers with a close, 4002."""


class UserView:
    """One session's capabilities and subscriptions."""

    def __init__(self, capabilities: int, large_threshold: int) -> None:
        self.capabilities = capabilities
        self.large_threshold = large_threshold
        self.subscriptions: dict[int, frozenset[str]] = {}
        """Guild id -> which of FLAGS are on."""

    def subscribe_bulk(self, d: Any) -> None:
        """Take op 37, many guilds. Raises MalformedSubscription, and takes nothing then."""
        wanted = d.get("subscriptions") if isinstance(d, dict) else None
        if not isinstance(wanted, dict):
            raise MalformedSubscription("subscriptions")
        read = {_id(guild_id): _flags(one) for guild_id, one in wanted.items()}
        for guild_id, flags in read.items():
            self._set(guild_id, flags)

    def subscribe(self, d: Any) -> None:
        """Take op 14, one guild. Raises MalformedSubscription."""
        if not isinstance(d, dict):
            raise MalformedSubscription("d")
        self._set(_id(d.get("guild_id")), _flags(d))

    def _set(self, guild_id: int, flags: dict[str, bool]) -> None:
        """Turn flags on and off; a flag that is not named stays as it was."""
        subscribed = set(self.subscriptions.get(guild_id, ()))
        subscribed |= {name for name, on in flags.items() if on}
        subscribed -= {name for name, on in flags.items() if not on}
        self.subscriptions[guild_id] = frozenset(subscribed)

    def hears(self, name: str, guild_id: int | None, members: int) -> bool:
        """Whether the session gets an event. members: how many its guild has."""
        if guild_id is None:
            return True
        subscribed = self.subscriptions.get(guild_id)
        flag = _BY_FLAG.get(name)
        if flag is not None:
            return subscribed is not None and flag in subscribed
        if subscribed is not None or members <= self.large_threshold:
            return True
        return name.startswith(_STATEFUL)


def _id(value: Any) -> int:
    if type(value) is int and value > 0:
        return value
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) <= 20:
        return int(value)
    raise MalformedSubscription("guild_id")


def _flags(value: Any) -> dict[str, bool]:
    if not isinstance(value, dict):
        raise MalformedSubscription("a subscription")
    for name in FLAGS:
        if type(value.get(name, False)) is not bool:
            raise MalformedSubscription(name)
    return {name: value[name] for name in FLAGS if name in value}
