"""Reshards: shard counts that follow each other, as a subscriber sees it. While two of them deliver
the same events, each is given out once.

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
"""Announcements come once a second. So long after the last one, with nothing of the new count, a
resharding was given up."""
MOST: Final = 8
"""Reshardings that are followed at a time: a reader of a day's history may meet some."""
SLACK_NS: Final = 5_000_000_000
"""The old shards take so long to log out, beyond the overlap."""


class Reshards:
    """What a subscriber knows of reshardings. Times are Unix ns."""

    def __init__(self) -> None:
        self.known = False
        """A resharding was heard of: where a shard of an unknown count begins has to be asked
        for."""
        self.overlaps: list[OverlapDedup] = []
        """Pairs of shard counts that deliver the same events for a while; mostly none."""
        self._announced_ns = 0
        """When the last announcement came."""

    def takes(self, event: Event) -> bool:
        """Return whether to give an event out. Every overlap is asked; what one overlap drops must
        not be remembered by the others."""
        had = [overlap.has_had(event) for overlap in self.overlaps]
        if any(had):
            return False
        for overlap in self.overlaps:
            overlap.remember(event)
        return True

    def announced(self, reshard: Reshard, now_ns: int) -> None:
        """Take in an announcement."""
        self.known = True
        self._announced_ns = now_ns
        if reshard.stage is not ReshardStage.DONE:
            self._begin(reshard.old_count, reshard.new_count, reshard.overlap_ns, 0)

    def learn(self, rows: Iterable[HeadRow], begun: Collection[int]) -> None:
        """Take in what the journals know. begun: shard counts of which something is read."""
        for row in rows:
            self.known = self.known or row.public is not None or bool(row.state)
            public = row.public
            if public is not None and {public.old_count, row.shard_count} <= set(begun):
                self._begin(
                    public.old_count, row.shard_count, public.overlap_ns, public.since_ns
                ).last_end_ns = public.since_ns + public.overlap_ns + SLACK_NS

    def epoch_ended(self, shard_count: int, ended_ns: int) -> None:
        """A shard's last epoch ended then, and none follows."""
        for overlap in self.overlaps:
            if overlap.old_count == shard_count:
                overlap.last_end_ns = max(overlap.last_end_ns, ended_ns)

    def forget(self) -> None:
        """Another store: what is known of shard counts is of the one before."""
        self.known, self.overlaps, self._announced_ns = False, [], 0

    def finished(self, left: Collection[int], now_ns: int) -> None:
        """All of a retired shard was delivered. left: shard counts of those that are still read."""
        for overlap in self.overlaps:
            if overlap.old_count not in left:
                overlap.ended(overlap.last_end_ns or now_ns)
            overlap.taken_back = overlap.both and overlap.new_count not in left

    def tick(self, now_ns: int, *, lagging: bool) -> None:
        """Forget overlaps that are over. lagging: something is replayed, or nothing is read for
        want of room: old events may still come."""
        if lagging or not self.overlaps:
            return
        silent = now_ns - self._announced_ns > FORGET_NS
        for overlap in list(self.overlaps):
            overlap.forget_old(now_ns)
            given_up = overlap.taken_back or (silent and not overlap.both)
            if given_up or overlap.over(now_ns - SLACK_NS):
                self.overlaps.remove(overlap)

    def _begin(
        self, old_count: int, new_count: int, overlap_ns: int, since_ns: int
    ) -> OverlapDedup:
        for overlap in self.overlaps:
            if (overlap.old_count, overlap.new_count) == (old_count, new_count):
                return overlap
        overlap = OverlapDedup(old_count, new_count, overlap_ns // PARTS, since_ns)
        self.overlaps = [*self.overlaps[-MOST + 1 :], overlap]
        return overlap
