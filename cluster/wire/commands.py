"""Commands for the gateway, on their way to the shard that sends them: the verbs ``send`` and
``shards``."""

from __future__ import annotations

from typing import Annotated, Final

import msgspec

from cluster.discord.limits import MAX_SENT_BYTES

SEND_S: Final = 90.0
"""A coordinator has answered `send` by then."""


class SendArgs(msgspec.Struct, frozen=True, kw_only=True):
    """args of `send`: one command, and whose shard is to send it: one of the two."""

    payload: Annotated[bytes, msgspec.Meta(max_length=MAX_SENT_BYTES)]
    """The JSON text {"op": ..., "d": ...}."""
    shard: Annotated[int, msgspec.Meta(ge=0)] | None = None
    guild: Annotated[int, msgspec.Meta(gt=0)] | None = None

    def __repr__(self) -> str:
        return f"SendArgs({len(self.payload)} bytes)"


class SentBy(msgspec.Struct, frozen=True, kw_only=True):
    """Answer to `send`: the command was handed to the connection of this shard."""

    shard_id: int
    shard_count: int


class Shards(msgspec.Struct, frozen=True, kw_only=True):
    """Answer to `shards`: those that take commands now."""

    shards: list[int]
    """Ids, ascending: of the plan in force."""
    shard_count: int
