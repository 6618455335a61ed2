"""The journal: what a worker slot received, in LMDB, bounded in bytes. The journal is the queue.

A drain is written in one transaction together with the state of its shard, and only then
published. So a journal is crash safety (the next process of the slot resumes from the last event
that was *received*), back-pressure (a publisher's cursor stands still, reading goes on) and
replay (other processes read the same files) in one.

``Journal`` writes, one a slot and process. ``JournalReader`` reads, in any process of the host.
"""

from cluster.journal.reader import Facts, Head, JournalReader, Reach
from cluster.journal.records import UnreadableJournalError
from cluster.journal.writer import Journal, JournalError, JournalStats, Recent
from cluster.wire.batch import ShardState

__all__ = [
    "Facts",
    "Head",
    "Journal",
    "JournalError",
    "JournalReader",
    "JournalStats",
    "Reach",
    "Recent",
    "ShardState",
    "UnreadableJournalError",
]
