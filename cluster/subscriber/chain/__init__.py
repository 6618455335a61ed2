"""How a subscriber delivers a shard's events once and in order. Pure: no I/O, no clock.

All that is subscribed to is delivered up to a place, (``epoch``, ``seq``). What moves it:

- Every batch, watermark row and epoch end is a *mark*: "above its ``base``, up to its ``seq``,
  these names have events, and this is the last of each". It applies if its ``base`` is at or below
  the chain's ``seq`` and each subscribed name is held up to the seq that the mark names; then all
  that is held up to the mark's ``seq`` is delivered, merged by seq, and the mark's ``seq`` becomes
  the chain's.
- A name is held up to the end of an unbroken row of its batches that begins at or below the chain's
  ``seq``: each batch says where the one before it ended (``prev``).
- The answer to what was asked for: events, and ranges that are gone, which become gaps.

Nothing else moves it. What does not apply yet is kept, and ``wanted`` says what must be asked for.
An epoch is left when it is delivered or gone up to its end, which its end record says, or the
``before`` of what comes later. What is kept is bounded: past the bound it is dropped and asked for.

shard_chain.py is the rule, held_events.py what is held of one epoch, missing.py which of its events
can't be had, types.py what goes in and comes out, chain_set.py the chains of all shards.
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
