"""What a journal keeps of a shard beside its events, and a worker resumes from."""

from __future__ import annotations

from typing import Final

import msgspec

LOOK_BACK_NS: Final = 30_000_000_000
"""So long before a shard count comes into force its shards' events count at most: what an old
session that lags had not received when it ended, a new one has had before that moment. A subscriber
reads as much once more of each shard, and a worker that is held remembers where each was."""


class Public(msgspec.Struct, frozen=True, array_like=True):
    """From where a shard's events count, if its count came into force while another was: only those
    after (epoch, seq), a place from before that moment (LOOK_BACK_NS). Events that both counts
    deliver are told apart by the reader. Of a shard that is held still: from where they would count
    at its last event."""

    epoch: int
    seq: int
    since_ns: int
    """When its shard count came into force: Unix ns; 0: it is held still."""
    old_count: int
    """The shard count that was in force before."""
    overlap_ns: int
    """Nanoseconds for which both counts publish."""


class ShardState(msgspec.Struct, kw_only=True):
    """A shard as its journal keeps it beside the events: what a new process resumes from."""

    shard_id: int
    shard_count: int
    epoch: int = 0
    """The epoch of its last identify; 0: it never identified."""
    before: tuple[int, int] | None = None
    """(epoch, last seq) of the epoch before this one."""
    session_id: str = ""
    """Id that RESUME is sent with. It is a credential and stays in the journal."""
    resume_url: str = ""
    seq: int = -1
    """Last seq of this epoch; -1: none (a server may start at 0)."""
    last: dict[str, int] = {}
    """Name -> seq of its last event in this epoch, the newest at the end."""
    floor: int = -1
    """The seq up to which it is not known what there was (a journal was lost); -1: all is known."""
    ended: bool = False
    """The epoch is over, and its end was written."""
    began_ns: int = 0
    """When this epoch's READY came: Unix ns; 0: not known."""
    guilds: int = 0
    """How many guilds READY named."""
    moved_to: int = -1
    """The slot that took the shard over, from this state on; -1: none did. What is left here is a
    tombstone: it keeps the shard's session in case that the new owner's journal is lost."""
    held: int = 0
    """The shard count that is in force while this shard's is not yet: what it receives is
    journalled and shown to nobody. 0: this shard's own count is in force."""
    public: Public | None = None
    """The place from which on its events count, if its shard count came into force while it ran;
    None: all do."""
    retired: bool = False
    """The epoch is over and none follows: the shard count is no more in force."""
