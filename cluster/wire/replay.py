"""Questions to the replay server and its answers (DEALER and ROUTER).

One msgpack frame each way; a question is answered once. An answer is a bounded slice, so a reader
asks for the next one when it has room for it: that is its credit.
"""

from __future__ import annotations

from typing import Annotated, Final

import msgspec

from cluster.ranges import After, Epoch, ShardCount, ShardId
from cluster.wire.shard_state import Public
from cluster.wire.states import HeadState

REPLAY_VERSION = 1
MAX_ASKED: Final = 2048
"""Most names in a question."""


class HeadsRequest(msgspec.Struct, frozen=True, kw_only=True, tag="heads"):
    """What shards are there, and what is held of them?"""

    v: int = REPLAY_VERSION
    id: int


class RangeRequest(msgspec.Struct, frozen=True, kw_only=True, tag="range"):
    """The messages of these names in (after, upto] of one epoch."""

    v: int = REPLAY_VERSION
    id: int
    shard_count: ShardCount
    shard_id: ShardId
    epoch: Epoch
    after: After
    upto: After | None
    """The last seq that is asked for; None: all that there is of the epoch."""
    names: Annotated[list[str], msgspec.Meta(max_length=MAX_ASKED)] | None
    """Names of the events; None: all. Holes are always among them."""


class HeadRow(msgspec.Struct, frozen=True, array_like=True):
    """What the journals know of one shard."""

    shard_count: int
    shard_id: int
    epoch: int
    seq: int
    """The newest seq that is journalled."""
    oldest: tuple[int, int] | None
    """(epoch, first seq) of the oldest drain that is held."""
    public: Public | None = None
    """The place from which on its events count, if its shard count came into force while another
    one was, or is being prepared; nil: all do. What lies before is in the journals and of no
    use."""
    state: HeadState = HeadState.NONE


class HeadsAnswer(msgspec.Struct, frozen=True, kw_only=True, tag="heads"):
    """All shards that the journals of this host know."""

    id: int
    cluster: str
    shards: list[HeadRow]
    unreadable: int = 0
    """Journals that are there and can't be read: shards may be missing here, or part of them."""


class RangeAnswer(msgspec.Struct, frozen=True, kw_only=True, tag="range"):
    """All that is held of (after, reached]; what is not in ``messages`` nor ``gone`` did not
    happen. reached < upto without ``more``: not yet journalled."""

    id: int
    messages: list[bytes]
    """Messages as published, topic included; the first may begin below ``after``."""
    reached: int
    gone: list[tuple[int, int]]
    """Ranges, first to last, that no journal has."""
    more: bool
    """The slice is full: ask again from ``reached``."""
    end: int | None
    """Last seq of the epoch, if it is over and its end is known."""
    next: int | None
    """The next epoch that the journals know."""
    final: bool = False
    """No epoch follows the end: the shard count is no more in force."""
    away: bool = False
    """A host that may hold what follows ``reached`` is away: that is neither there nor gone until
    it is back, or given up."""


class Refusal(msgspec.Struct, frozen=True, kw_only=True, tag="refused"):
    """The question was not understood."""

    id: int
    cause: str


Request = HeadsRequest | RangeRequest
Response = HeadsAnswer | RangeAnswer | Refusal

encode = msgspec.msgpack.Encoder().encode
decode_request: msgspec.msgpack.Decoder[Request] = msgspec.msgpack.Decoder(Request)
decode_response: msgspec.msgpack.Decoder[Response] = msgspec.msgpack.Decoder(Response)
