"""Turn: what the journal was given in one turn of the event loop, and writes in one transaction.

Where events come alone, a transaction each is the dearest part of them. So a drain is appended as
it comes, and ``Journal.flush`` writes it with what else its turn has brought. Until then nothing
may depend on it, and nothing can: neither the publisher nor another process sees it. Three things
come to depend on a drain, and each is preceded by a flush:

- what is published (``Publisher.pump``), since a subscriber asks the file for what it missed;
- what Discord may forget: a heartbeat and a RESUME name an s up to which all has come, and a later
  replay may begin there (``ShardDelivery.handled`` and ``flush``);
- what another process is told of a shard, above all that it may take it over
  (``ShardStates.move_away``).

So what a crash loses between append and flush was neither published nor acknowledged: the next
process resumes from the file, and Discord sends it again.

Measured against a transaction a drain (alternating runs, medians): the journal costs 0.7 of it for
twenty shards that bring an event each, the worker 0.87 with 200 sessions of 20 events/s each, 0.95
with 40 of 50; drains of 512 cost the same.

Thread use: none.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

TURN_BYTES: Final = 256 * 1024
"""Most bytes of messages in one transaction; a drain that is larger has one of its own. So one that
no file has room for takes no others along, and what is pruned at once is bounded. A usual drain of
a flood is larger: a flood is written drain by drain."""


class Append(NamedTuple):
    """A drain of one shard, with the shard's state after it."""

    shard_id: int
    first_record: int
    messages: Sequence[bytes]
    """Messages of its records; empty: only the state is written."""
    state_key: bytes
    state: bytes
    """The state, encoded: it is changed in place, and what is written belongs to this drain."""
