"""Announcement of a resharding: sent once a second while it lasts, from before the first event of
the new count.

Two shard counts publish the same events for a while. Who hears this remembers what the count in
force delivers, and knows then which events of the other one it has had.
"""

from __future__ import annotations

import msgspec

from cluster.decode_errors import MALFORMED
from cluster.ranges import Ns, ShardCount
from cluster.wire import topic
from cluster.wire.batch import FORMAT
from cluster.wire.states import ReshardStage


class Reshard(msgspec.Struct, frozen=True, array_like=True):
    """The msgpack array of the message."""

    format: int
    cluster: str
    old_count: ShardCount
    """The shard count in force before the resharding."""
    new_count: ShardCount
    overlap_ns: Ns
    """Both counts publish for this long; longer than an old session may lag behind a new one."""
    stage: ReshardStage
    sent_ns: Ns


_decoder = msgspec.msgpack.Decoder(Reshard)
_encode = msgspec.msgpack.Encoder().encode


def encode(word: Reshard) -> bytes:
    """Return the message, topic included."""
    return topic.topic(topic.RESHARD, word.new_count) + topic.SEPARATOR + _encode(word)


def decode(payload: bytes | memoryview) -> Reshard:
    """Return the announcement of an array. Raises topic.WireError."""
    try:
        word = _decoder.decode(payload)
    except MALFORMED as error:
        raise topic.WireError(f"no word of a resharding: {error}") from None
    if word.format != FORMAT:
        raise topic.WireError(f"format {word.format}: this reader knows format {FORMAT}")
    return word
