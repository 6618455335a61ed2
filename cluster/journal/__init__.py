"""The journal: what a worker slot received, in LMDB, bounded in bytes. The journal is the queue.

What the shards of a slot receive in one turn of the event loop is written in one transaction
together with their states, and only then published. So a journal is crash safety (the next process
of the slot resumes from the last event that was *received*), back-pressure (a publisher's cursor
stands still, reading goes on) and replay (other processes read the same files) in one.

``Journal`` writes, one a slot and process. ``JournalReader`` reads, in any process of the host.

Measured (events of 480 B, a state of 44 names, pages reused, Python 3.11, 2 cores): an append costs
0.4 us an event in drains of 512, 0.7 in drains of 128, 22 to 28 in drains of one (of which the
state's record is 3, the index 2, pruning 4 in LMDB itself); reading back 0.3 us an event of drains
of 512, 7 of drains of one.
"""

from cluster.journal.contents import JournalStats, Recent
from cluster.journal.reader import Facts, Head, JournalReader, RangeQuery, Reach
from cluster.journal.records import UnreadableJournalError
from cluster.journal.writer import Journal, JournalError
from cluster.wire.shard_state import ShardState

__all__ = [
    "Facts",
    "Head",
    "Journal",
    "JournalError",
    "JournalReader",
    "JournalStats",
    "RangeQuery",
    "Reach",
    "Recent",
    "ShardState",
    "UnreadableJournalError",
]
