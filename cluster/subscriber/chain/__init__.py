"""How a subscriber delivers a shard's events once and in order. Pure: no I/O, no clock.

All that is subscribed to is delivered up to a position, ``at``, in one epoch. What moves it:

- Every batch, watermark row and epoch end is a *mark*: "above ``base``, up to ``seq``, these names
  have events, and this is the last of each". It applies if ``base`` is at or below ``at`` and each
  subscribed name is in hand up to the seq that it names; then all that is held up to ``seq`` is
  delivered, merged by seq, and ``at`` becomes ``seq``.
- A name is *in hand* up to the end of an unbroken row of its batches that begins at or below
  ``at``: each batch says where the one before it ended (``prev``).
- The answer to what was asked for: events, and ranges that are gone, which become gaps.

Nothing else moves it. What does not apply is held, and ``wanted`` says what must be asked for.
An epoch is left when it is delivered or gone up to its end, which its end record says, or the
``before`` of what comes later. What is held is bounded: past the bound it is dropped and asked for.
"""

from cluster.subscriber.chain.held_events import measured
from cluster.subscriber.chain.shard_chain import ShardChain
from cluster.subscriber.chain.types import (
    Delivered,
    Mark,
    Missing,
    Names,
    Output,
    RangeAsk,
    RangeReply,
    Reached,
)
from cluster.wire.batch import Event

__all__ = [
    "Delivered",
    "Event",
    "Mark",
    "Missing",
    "Names",
    "Output",
    "RangeAsk",
    "RangeReply",
    "Reached",
    "ShardChain",
    "measured",
]
