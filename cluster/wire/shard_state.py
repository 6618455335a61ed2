"""What a journal keeps of a shard beside its events, and a worker resumes from."""

from __future__ import annotations

import msgspec


class Public(msgspec.Struct, frozen=True, array_like=True):
    """A shard whose count came into force while another one was: its events count after (epoch,
    seq), and those that the other one delivers too are told apart by nobody but the reader."""

    epoch: int
    seq: int
    since_ns: int
    """Unix time."""
    of_count: int
    """The other shard count."""
    overlap_ns: int
    """It goes on for so long."""


class ShardState(msgspec.Struct, kw_only=True):
    """A shard as its journal keeps it beside the events: what a new process resumes from."""

    shard_id: int
    shard_count: int
    epoch: int = 0
    """0: never identified."""
    before: tuple[int, int] | None = None
    """(epoch, last seq) of the epoch before this one."""
    session_id: str = ""
    """A credential: it stays in the journal, and RESUME is sent with it."""
    resume_url: str = ""
    seq: int = -1
    """Last seq of this epoch; -1: none (a server may start at 0)."""
    last: dict[str, int] = {}
    """name -> seq of its last event in this epoch, the newest at the end."""
    floor: int = -1
    """What was at or below this seq is not known (a journal was lost); -1: all is."""
    ended: bool = False
    """The epoch is over, and its end was written."""
    began_ns: int = 0
    """When this epoch's READY came: Unix ns; 0: not known."""
    guilds: int = 0
    """How many guilds it named."""
    moved_to: int = -1
    """The slot that took the shard over, from this state on; -1: none did. What is left here is a
    tombstone: it keeps the shard's session in case that the new owner's journal is lost."""
    held: int = 0
    """The shard count that is in force while this shard's is not yet: what it receives is
    journalled and shown to nobody. 0: its own is."""
    public: Public | None = None
    """From where on its events count, if its shard count came into force while it ran; None: all
    do."""
    retired: bool = False
    """The epoch is over and none follows: the shard count is no more in force."""
