"""Watermarks: "all of this shard up to here is out", once a second from every worker.

They go through the publisher's cursor, so after the events that they cover. They come when nothing
happens too: no watermark for 3 s means that the worker, or the way from it, is dead.
"""

from __future__ import annotations

import msgspec

from cluster.decode_errors import MALFORMED
from cluster.ranges import After, Epoch, Ns, Seq, ShardCount, ShardId, Slot
from cluster.wire import topic
from cluster.wire.batch import FORMAT


class Row(msgspec.Struct, frozen=True, array_like=True):
    """One shard in a watermark."""

    shard_id: ShardId
    shard_count: ShardCount
    epoch: Epoch
    before: tuple[Epoch, After] | None
    seq: After
    base: After
    """``last`` is complete above this seq: -1 in a whole table of an epoch that is known whole."""
    last: list[tuple[str, Seq]]
    """[name, last seq] of every name with an event in (base, seq]."""


class Watermark(msgspec.Struct, frozen=True, array_like=True):
    """The msgpack array of a watermark."""

    format: int
    cluster: str
    slot: Slot
    sent_ns: Ns
    whole: bool
    """Whether all of the worker's shards are in it; otherwise those that changed are."""
    shards: list[Row]


_decoder = msgspec.msgpack.Decoder(Watermark)
_encode = msgspec.msgpack.Encoder().encode


def encode(cluster: str, slot: int, sent_ns: int, whole: bool, rows: list[Row]) -> bytes:
    """Return the message, topic included."""
    mark = Watermark(FORMAT, cluster, slot, sent_ns, whole, rows)
    return topic.topic(topic.WATERMARK, slot) + topic.SEPARATOR + _encode(mark)


def decode(payload: bytes | memoryview) -> Watermark:
    """Return the watermark of an array. Raises topic.WireError."""
    try:
        mark = _decoder.decode(payload)
    except MALFORMED as error:
        raise topic.WireError(f"no watermark: {error}") from None
    if mark.format != FORMAT:
        raise topic.WireError(f"format {mark.format}: this reader knows format {FORMAT}")
    return mark
