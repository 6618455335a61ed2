"""Commands for the gateway, on their way to the shard that sends them: the verbs ``send`` and
``shards``."""

from __future__ import annotations

from typing import Annotated, Final

import msgspec

from cluster.discord.limits import MAX_SENT_BYTES

SEND_S: Final = 90.0
"""Seconds within which a coordinator answers `send`."""


class SendArgs(msgspec.Struct, frozen=True, kw_only=True):
    """The args of `send`: a command, and the shard or the guild whose shard is to send it."""

    payload: Annotated[bytes, msgspec.Meta(max_length=MAX_SENT_BYTES)]
    """The JSON text {"op": ..., "d": ...}."""
    shard: Annotated[int, msgspec.Meta(ge=0)] | None = None
    guild: Annotated[int, msgspec.Meta(gt=0)] | None = None

    def __repr__(self) -> str:
        return f"SendArgs({len(self.payload)} bytes)"


class SentBy(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to `send`: the command was handed to the connection of this shard."""

    shard_id: int
    shard_count: int


class Shards(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to `shards`: the shards that take commands now."""

    shards: list[int]
    """Shard ids of the plan in force, ascending."""
    shard_count: int
