"""One event of the cluster as all sessions of a proxy process share it: what is worked out of its
body is worked out once, when the first session wants it."""

from __future__ import annotations

from cluster.wire.batch import Event


class Entry:
    """An event in the window (window.py)."""

    __slots__ = ("data", "event", "guild", "head", "name", "redacted", "tail")

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
        """`tail` without the content of the message, once a session needed that."""
