"""What the world hands to the server: one thing that happened, encoded once."""

from __future__ import annotations


class WorldEvent:
    """One event of the world.

    ``data`` is the compact JSON of ``d``. ``guild_id`` routes it (None: shard 0). ``intents`` is a
    mask of alternatives: a session gets the event when it is 0 or shares a bit with the session's
    intents. ``redacted`` is what a session without MESSAGE_CONTENT gets in place of ``data``; None
    when there is no difference. ``user_id`` is set for events of one account only. ``unseen`` says
    that it happened in a channel that the bot can't view. ``whole`` is what the user account gets
    in place of ``data``, where that obfuscates a channel; None when there is no difference.
    """

    __slots__ = ("data", "guild_id", "intents", "name", "redacted", "unseen", "user_id", "whole")

    def __init__(
        self,
        name: str,
        guild_id: int | None,
        data: bytes,
        intents: int,
        redacted: bytes | None = None,
        user_id: int | None = None,
        *,
        unseen: bool = False,
        whole: bytes | None = None,
    ) -> None:
        self.name = name
        self.guild_id = guild_id
        self.data = data
        self.intents = intents
        self.redacted = redacted
        self.user_id = user_id
        self.unseen = unseen
        self.whole = whole

    def __repr__(self) -> str:
        return f"WorldEvent({self.name}, guild={self.guild_id}, {len(self.data)} B)"
