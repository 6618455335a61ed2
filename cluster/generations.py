"""Shard counts that follow each other, as a subscriber sees it: when to match, and where to begin.

A resharding is announced before the first event of the new count (cluster.wire.reshard); who comes
later learns of it from the replay server's heads, which say from where on the new shards count.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Final

from cluster.matching import PARTS, Matching
from cluster.wire.replay import HeadRow
from cluster.wire.reshard import Reshard

FORGET_NS: Final = 15_000_000_000
"""Announcements come once a second; so long after the last one, with nothing of the new count, it
was given up."""
SLACK_NS: Final = 5_000_000_000
"""The old generation takes so long to log out, beyond the overlap."""


class Generations:
    """What a subscriber knows of reshardings. Times are Unix ns."""

    def __init__(self) -> None:
        self.matching: Matching | None = None
        """While two counts deliver the same events."""
        self.known = False
        """A resharding was heard of: where a shard of an unknown count begins has to be asked."""
        self._heard_ns = 0
        self._ended_ns = 0

    def word(self, word: Reshard, now_ns: int) -> None:
        """An announcement."""
        self.known = True
        self._heard_ns = now_ns
        if word.stage != "done":
            self._begin(word.of_count, word.to_count, word.overlap_ns)

    def heads(self, rows: Iterable[HeadRow], begun: Collection[int]) -> None:
        """What the journals know. begun: shard counts that are read from somewhere on."""
        for row in rows:
            self.known = self.known or row.public is not None or bool(row.state)
            public = row.public
            if public is not None and {public.of_count, row.shard_count} <= set(begun):
                self._begin(public.of_count, row.shard_count, public.overlap_ns)
                ended = public.since_ns + public.overlap_ns + SLACK_NS
                self._ended_ns = max(self._ended_ns, ended)

    def epoch_ended(self, at_ns: int) -> None:
        """A retired shard's last epoch ended then."""
        self._ended_ns = max(self._ended_ns, at_ns)

    def finished(self, shard_count: int, left: Collection[int], now_ns: int) -> None:
        """All of a retired shard was delivered. left: shard counts of those that are still read."""
        matching = self.matching
        if matching is not None and matching.of_count == shard_count and shard_count not in left:
            matching.ended(self._ended_ns or now_ns)

    def tick(self, now_ns: int, *, lagging: bool) -> None:
        """lagging: something is replayed, so old events may still come."""
        matching = self.matching
        if matching is None or lagging:
            return
        matching.live(now_ns)
        given_up = not matching.both and now_ns - self._heard_ns > FORGET_NS
        if given_up or matching.over(now_ns - SLACK_NS):
            self.matching = None
            self._ended_ns = 0

    def _begin(self, of_count: int, to_count: int, overlap_ns: int) -> None:
        now = self.matching
        if now is None or (now.of_count, now.to_count) != (of_count, to_count):
            self.matching = Matching(of_count, to_count, overlap_ns // PARTS)
