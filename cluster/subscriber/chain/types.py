"""What goes into a ShardChain and what comes out."""

from __future__ import annotations

from typing import Final, NamedTuple

import msgspec

from cluster.wire.batch import Batch, Event
from cluster.wire.states import GapReason

Names = frozenset[str] | None
"""Names of the events that are subscribed to; None: every name."""


EVENT_BYTES: Final = 256
"""What an event that is held takes of memory beside its data."""
NAME_BYTES: Final = 160
"""What a name in a mark's table takes of memory."""


class Delivered(msgspec.Struct, frozen=True, gc=False):
    """Events of one shard and epoch, in order; at least one. One is made for each event that comes
    alone, and a NamedTuple takes twice as long to make."""

    events: list[Event]
    bytes: int
    """What they take of memory."""


class Missing(NamedTuple):
    """Events that can't be had: those of ``names`` with first <= seq <= last."""

    epoch: int
    names: tuple[str, ...] | None
    """None: of every name that is subscribed to."""
    first: int
    last: int | None
    """None: nobody knows how many."""
    reason: GapReason


class Reached(msgspec.Struct, frozen=True, gc=False):
    """All events of the shard up to this place have been put out before."""

    epoch: int
    seq: int


Output = Delivered | Missing | Reached


class Mark(NamedTuple):
    """Above ``base``, up to ``seq``, the names of ``table`` have events, each its last there."""

    epoch: int
    before: tuple[int, int] | None
    base: int
    seq: int
    table: list[tuple[str, int]]
    final: bool = False
    """The epoch ends at ``seq``."""
    retired: bool = False
    """The epoch ends and none follows: the shard count is no more in force."""


class RangeAsk(NamedTuple):
    """What must be asked for: the subscribed names in (after, upto] of an epoch."""

    epoch: int
    after: int
    upto: int | None
    """None: all that there is of the epoch."""
    known: int = -1
    """The highest seq that was known to exist when it was asked."""


class RangeReply(NamedTuple):
    """The answer to a RangeAsk: all that can be had in (after, reached] is in ``batches``."""

    ask: RangeAsk
    batches: list[tuple[str, Batch]]
    reached: int
    gone: list[tuple[int, int]]
    """Ranges (first, last) within (after, reached] that no journal holds."""
    more: bool
    """It was cut short: ask again."""
    end: int | None
    """Last seq of the epoch, if it is known to be over."""
    next: int | None
    """The epoch that follows in the journals."""
    final: bool = False
    """No epoch follows the end: the shard count is no more in force."""
    away: bool = False
    """Who may hold what follows ``reached`` is away: it is not gone."""
