"""Long requests to a coordinator: restart, refresh, scale, reshard.

Each begins at once and is answered by the Operation (cluster.wire.control) that it has become;
``operation`` then waits a moment for what is new of it. One is under way at a time. It goes on when
who asked goes away.
"""

from __future__ import annotations

from typing import Annotated, Final

import msgspec

from cluster.ranges import ShardId

FOLLOW_S: Final = 2.0
"""Seconds after which `operation` is answered, if nothing is new."""


class Follow(msgspec.Struct, frozen=True, kw_only=True):
    """The args of `operation`."""

    id: str
    known: str = ""
    """The text that was last heard: `operation` is answered when it, or ``done``, is another."""
    done: int = 0


class RestartArgs(msgspec.Struct, frozen=True, kw_only=True):
    """The args of `restart`: one of the two, or neither for a rolling restart of all workers."""

    worker: int | None = None
    shard: int | None = None


class RefreshArgs(msgspec.Struct, frozen=True, kw_only=True):
    """The args of `refresh`."""

    shard: ShardId


class ScaleArgs(msgspec.Struct, frozen=True, kw_only=True):
    """The args of `scale`."""

    workers: Annotated[int, msgspec.Meta(ge=1, le=1000)]


class DrainArgs(msgspec.Struct, frozen=True, kw_only=True):
    """The args of `drain`."""

    host: Annotated[str, msgspec.Meta(max_length=64)]
    undo: bool = False
    """Let the host get workers again."""


class ReshardArgs(msgspec.Struct, frozen=True, kw_only=True):
    """The args of `reshard`."""

    shards: Annotated[int, msgspec.Meta(ge=0, le=1_000_000)]
    """The shard count to change to; 0: what GET /gateway/bot recommends."""
    overlap_s: Annotated[float, msgspec.Meta(ge=1, le=600)] = 10.0
