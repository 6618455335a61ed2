"""Shard counts that follow each other, as a subscriber sees it: when to match, and where to begin.

A resharding is announced before the first event of the new count (cluster.wire.reshard); who comes
later learns of it from the replay server's heads, which say from where on the new shards count.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Final

from cluster.subscriber.chain import Event
from cluster.subscriber.overlap_dedup import PARTS, OverlapDedup
from cluster.wire.replay import HeadRow
from cluster.wire.reshard import Reshard
from cluster.wire.states import ReshardStage

FORGET_NS: Final = 15_000_000_000
"""Announcements come once a second; so long after the last one, with nothing of the new count, it
was given up."""
MOST: Final = 8
"""Reshardings that are matched at a time: a reader of a day's history may meet some."""
SLACK_NS: Final = 5_000_000_000
"""The old generation takes so long to log out, beyond the overlap."""


class Reshards:
    """What a subscriber knows of reshardings. Times are Unix ns."""

    def __init__(self) -> None:
        self.known = False
        """A resharding was heard of: where a shard of an unknown count begins has to be asked."""
        self.matchings: list[OverlapDedup] = []
        """Of counts that deliver the same events for a while; mostly none."""
        self._heard_ns = 0

    def takes(self, event: Event) -> bool:
        """Whether to deliver it. Every matching is asked; what one of them leaves out is not
        delivered, and no other may take it for that."""
        had = [matching.has_had(event) for matching in self.matchings]
        if any(had):
            return False
        for matching in self.matchings:
            matching.remember(event)
        return True

    def word(self, word: Reshard, now_ns: int) -> None:
        """An announcement."""
        self.known = True
        self._heard_ns = now_ns
        if word.stage is not ReshardStage.DONE:
            self._begin(word.of_count, word.to_count, word.overlap_ns, 0)

    def heads(self, rows: Iterable[HeadRow], begun: Collection[int]) -> None:
        """What the journals know. begun: shard counts that are read from somewhere on."""
        for row in rows:
            self.known = self.known or row.public is not None or bool(row.state)
            public = row.public
            if public is not None and {public.of_count, row.shard_count} <= set(begun):
                self._begin(
                    public.of_count, row.shard_count, public.overlap_ns, public.since_ns
                ).ended_at = public.since_ns + public.overlap_ns + SLACK_NS

    def epoch_ended(self, shard_count: int, at_ns: int) -> None:
        """A shard's last epoch ended then, and none follows."""
        for matching in self.matchings:
            if matching.of_count == shard_count:
                matching.ended_at = max(matching.ended_at, at_ns)

    def finished(self, left: Collection[int], now_ns: int) -> None:
        """All of a retired shard was delivered. left: shard counts of those that are still read."""
        for matching in self.matchings:
            if matching.of_count not in left:
                matching.ended(matching.ended_at or now_ns)
            matching.taken_back = matching.both and matching.to_count not in left

    def tick(self, now_ns: int, *, lagging: bool) -> None:
        """lagging: something is replayed, or nothing is read for want of room: old events may still
        come."""
        if lagging or not self.matchings:
            return
        silent = now_ns - self._heard_ns > FORGET_NS
        for matching in list(self.matchings):
            matching.live(now_ns)
            given_up = matching.taken_back or (silent and not matching.both)
            if given_up or matching.over(now_ns - SLACK_NS):
                self.matchings.remove(matching)

    def _begin(self, of_count: int, to_count: int, overlap_ns: int, since_ns: int) -> OverlapDedup:
        for matching in self.matchings:
            if (matching.of_count, matching.to_count) == (of_count, to_count):
                return matching
        matching = OverlapDedup(of_count, to_count, overlap_ns // PARTS, since_ns)
        self.matchings = [*self.matchings[-MOST + 1 :], matching]
        return matching
