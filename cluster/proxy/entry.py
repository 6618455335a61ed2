"""One event of the cluster as all sessions of a proxy process share it: what is worked out of its
body is worked out once, when the first session wants it."""

from __future__ import annotations

from typing import Final

from cluster.wire.batch import Event

GAP: Final = "_gap"
"""Name of an entry that stands for events that can't be had; its event has the shard and the epoch
(shard id -1: all shards)."""


class Entry:
    """An event in the window (sessions/window.py), or a Gap there."""

    __slots__ = ("data", "event", "g", "guild", "head", "is_answer", "name", "redacted", "tail")

    def __init__(self, event: Event) -> None:
        self.event = event
        self.name = event.name
        self.data = event.data
        self.head = b'{"t":"%b","s":' % event.name.encode()
        self.tail = b',"op":0,"d":%b}' % event.data
        """A dispatch is head, s in digits, tail."""
        self.guild: int | None = -1
        """Its guild's id; None: it has none; -1: nobody has looked."""
        self.redacted: bytes | None = None
        """`tail` as sessions get it that see less of the event (without the content of a message),
        once one needed that; b"": they do not get it."""
        self.g = 0
        """Its number in the window; an entry outside of it has 0."""
        self.is_answer = False
        """Whether it answers what some client asked (Asked)."""


def gap_entry(shard_count: int, shard_id: int, epoch: int) -> Entry:
    """Return the entry of a Gap. shard_id: -1: events of all shards are missing."""
    return Entry(Event.make(GAP, shard_id, shard_count, epoch, -1, b"null", 0, ""))
