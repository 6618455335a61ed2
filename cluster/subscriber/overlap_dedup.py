"""OverlapDedup: which events two shard counts have both delivered, while one follows the other.
Pure.

While a bot is resharded, sessions of two shard counts receive the same events. Of two events with
the same name and the same data, one from each, that were received within ``window_ns`` of each
other, the second is left out; they are counted, so what happened twice is delivered twice.

The window is a part of the time in which both deliver (PARTS). Sessions that lag more than it cost
duplicates, not losses. What it can't tell apart is content that repeats all the while at shorter
intervals than the window: an event that only the old count delivered, because it came to the new
one before its first, may then take the place of one that only the new one delivers at the end.
"""

from __future__ import annotations

import hashlib
from collections import deque
from typing import Final

from cluster.subscriber.chain import Event

PARTS: Final = 5
"""The window is the overlap divided by this."""
MAX_WAITING: Final = 200_000
"""Events that are remembered, matched or not; at most some 60 MB. Beyond that the oldest are
forgotten, and what equals them is delivered again."""
_KEY_BYTES: Final = 16


_Kind = tuple[bool, bytes]
"""Whether the old shard count delivered it, and the content's key."""


class OverlapDedup:
    """One resharding, as a subscriber sees it."""

    def __init__(self, old_count: int, new_count: int, window_ns: int, since_ns: int = 0) -> None:
        """since_ns: when the new shard count began to deliver, Unix ns; 0: not known. What the old
        one received long before that is not compared."""
        self.old_count = old_count
        self.new_count = new_count
        self.window_ns = window_ns
        self._since_ns = since_ns
        self.both = False
        """Something of the new shard count has come."""
        self.taken_back = False
        """The resharding was taken back: of the new shard count only what is replayed will come."""
        self.left_out = 0
        """How many events were left out, since the other shard count had delivered them."""
        self.forgotten = 0
        """How many events were forgotten for want of room."""
        self._waiting: dict[_Kind, deque[int]] = {}
        """When the events were received that the other shard count has not delivered yet."""
        self._order: deque[tuple[int, _Kind]] = deque()
        """(when, what) of the remembered events as they came; of those that were matched, too."""
        self.last_end_ns = 0
        """Latest end of an old epoch that is known: Unix ns."""
        self._ended_ns: int | None = None

    def ended(self, last_end_ns: int) -> None:
        """The old shard count has delivered all that it will; its last epoch ended then."""
        self._ended_ns = last_end_ns

    def over(self, now_ns: int) -> bool:
        """Return whether nothing that is received now can have been delivered by the old count."""
        return self._ended_ns is not None and now_ns > self._ended_ns + self.window_ns

    def takes(self, event: Event) -> bool:
        """Return whether to deliver an event; False: the other shard count has delivered it."""
        if self.has_had(event):
            return False
        self.remember(event)
        return True

    def has_had(self, event: Event) -> bool:
        """Return whether the other shard count has delivered an equal event, which is then used
        up."""
        old = event.shard_count == self.old_count
        self.both = self.both or event.shard_count == self.new_count
        if not self._concerns(event) or not self._match((not old, _key(event)), event.received_ns):
            return False
        self.left_out += 1
        return True

    def _concerns(self, event: Event) -> bool:
        now_ns = event.received_ns
        if event.shard_count not in (self.old_count, self.new_count):
            return False
        return now_ns >= self._since_ns - self.window_ns and not self.over(now_ns)

    def remember(self, event: Event) -> None:
        """Note that an event is delivered: its equal of the other shard count will not be."""
        if not self._concerns(event):
            return
        old, key, now_ns = event.shard_count == self.old_count, _key(event), event.received_ns
        self._waiting.setdefault((old, key), deque()).append(now_ns)
        self._order.append((now_ns, (old, key)))
        while len(self._order) > MAX_WAITING:
            time_ns, kind = self._order.popleft()
            self.forgotten += self._remove(kind, time_ns)

    def forget_old(self, now_ns: int) -> None:
        """Nothing is being replayed: forget what is older than two overlaps."""
        before_ns = now_ns - 2 * PARTS * self.window_ns
        while self._order and self._order[0][0] < before_ns:
            time_ns, kind = self._order.popleft()
            self._remove(kind, time_ns)

    def _match(self, kind: _Kind, now_ns: int) -> bool:
        near = (t for t in self._waiting.get(kind, ()) if abs(t - now_ns) <= self.window_ns)
        time_ns = next(near, None)
        return time_ns is not None and self._remove(kind, time_ns)

    def _remove(self, kind: _Kind, time_ns: int) -> bool:
        """Forget one event; False: it was matched before."""
        times = self._waiting.get(kind)
        if times is None or time_ns not in times:
            return False
        times.remove(time_ns)
        if not times:
            del self._waiting[kind]
        return True


def _key(event: Event) -> bytes:
    content = hashlib.blake2b(event.data, digest_size=_KEY_BYTES)
    content.update(event.name.encode())
    return content.digest()
