"""Reshards: shard counts that follow each other, as a subscriber sees it. While two of them deliver
the same events, each is given out once: those of the old count as they come, those of the new one
when the old one is over, without what the old one has delivered (overlap_dedup.py). Pure.

A resharding is announced before the first event of the new count (cluster.wire.reshard); who comes
later learns of it from the replay server's heads, which say from where on the new shards count.

The old count is over when all of its shards were read to their last epoch's end. Where no end is to
be had, since a worker was killed before it could write it, the old count is over when nothing of
it has come for a while in which others were heard. Seconds are monotonic and passed in.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import Final

from cluster.subscriber.chain import Event
from cluster.subscriber.overlap_dedup import LONGEST_LAG_NS, OverlapDedup
from cluster.wire.replay import HeadRow
from cluster.wire.reshard import Reshard
from cluster.wire.states import HeadState, ReshardStage

QUIET_SECONDS: Final = 15.0
"""Announcements come once a second, and so do watermarks. When nothing of the old count came for so
long, though others were heard, it is no more, or it goes on and the resharding was given up."""
JOINED_SECONDS: Final = 3.0
"""Seconds of silence after which the old count is no more, where the resharding is known from the
journals alone: mostly it was long ago."""
HEARD_SECONDS: Final = 1.5
"""Between two messages of any worker so much time counts at most as silence: beyond, the hub was
away, and nobody could be heard."""
KEEP_SECONDS: Final = LONGEST_LAG_NS / 1e9 + 60.0
"""So long after the old count is over its events are still compared with those of the new one."""
MOST: Final = 8
"""Reshardings that are followed at a time: a reader of a day's history may meet some."""


class Overlap:
    """One resharding: the two counts' events, and whether the old count is over."""

    def __init__(self, old_count: int, new_count: int, overlap_ns: int, silent_s: float) -> None:
        self.old_count = old_count
        self.new_count = new_count
        self.dedup = OverlapDedup(old_count, new_count, overlap_ns)
        self.is_done = False
        """The coordinator has said that the old count is no more."""
        self.over_s: float | None = None
        """Since when the old count is over; None: it is not."""
        self.had_old = False
        """Something of the old count was there to be read."""
        self.silent_s = silent_s
        """How long others were heard and nothing of the old count, and no announcement."""
        self.unannounced_s = 0.0
        """How long others were heard and no announcement."""
        self.heard_old = False
        """Whether the old count was heard since the last tick."""
        self.heard_any = False
        """Whether anybody was heard since the last tick."""
        self.any_s: float | None = None
        """When anybody was heard last."""

    def count_silence(self, now: float) -> None:
        """Count since the last call. now: seconds, as those from call to call."""
        step = 0.0
        if self.heard_any:
            step = 0.0 if self.any_s is None else min(now - self.any_s, HEARD_SECONDS)
            self.any_s = now
        self.silent_s = 0.0 if self.heard_old else self.silent_s + step
        self.unannounced_s += step
        self.heard_old = self.heard_any = False


class Reshards:
    """What a subscriber knows of reshardings."""

    def __init__(self) -> None:
        self.known = False
        """A resharding was heard of: where a shard of an unknown count begins has to be asked
        for."""
        self.overlaps: list[Overlap] = []
        """Pairs of shard counts that deliver the same events for a while; mostly none."""

    # -- events ----------------------------------------------------------------------------------

    def fresh(self, events: list[Event]) -> list[Event]:
        """Return the events to give out. events: of one shard, in order; at least one."""
        count = events[0].shard_count
        for overlap in self.overlaps:
            if overlap.old_count == count:
                overlap.dedup.remember(events)
        for overlap in self.overlaps:
            if overlap.new_count == count:
                events = overlap.dedup.fresh(events)
        return events

    def waits(self, shard_count: int) -> bool:
        """Return whether the shards of this count have to wait until another count is over."""
        return any(o.new_count == shard_count and o.over_s is None for o in self.overlaps)

    def is_waited_for(self, shard_count: int) -> bool:
        """Return whether shards of another count wait for this one's end."""
        return any(o.old_count == shard_count and o.over_s is None for o in self.overlaps)

    # -- what is heard ---------------------------------------------------------------------------

    def announced(self, word: Reshard) -> None:
        """Take in an announcement."""
        self.known = True
        overlap = self._of(word.old_count, word.new_count)
        if word.stage is ReshardStage.DONE:
            if overlap is not None:
                overlap.is_done = True
            return
        if overlap is None or (overlap.over_s is not None and word.stage is ReshardStage.PREPARING):
            overlap = self._begin(word.old_count, word.new_count, word.overlap_ns, 0.0)
        overlap.silent_s = overlap.unannounced_s = 0.0

    def learn(self, rows: Iterable[HeadRow], begun: Collection[int]) -> None:
        """Take in what the journals know. begun: shard counts of which something is read, or will
        be."""
        rows = list(rows)
        self.known = self.known or any(row.public is not None or row.state for row in rows)
        since = {row.shard_count: row.public.since_ns for row in rows if row.public is not None}
        for row in rows:
            public = row.public
            if public is None or row.state is HeadState.HELD:
                continue
            if not {public.old_count, row.shard_count} <= set(begun):
                continue
            if since.get(public.old_count, 0) > public.since_ns:
                continue  # The old count has followed this one since: what it was before is past.
            overlap = self._of(public.old_count, row.shard_count) or self._begin(
                public.old_count, row.shard_count, public.overlap_ns,
                QUIET_SECONDS - JOINED_SECONDS,
            )  # fmt: skip
            known_ns = overlap.dedup.since_ns
            overlap.dedup.since_ns = min(known_ns or public.since_ns, public.since_ns)

    def prepared(self, rows: Iterable[HeadRow], begun: Collection[int]) -> None:
        """Take in which counts are being prepared, by the journals. begun: as in ``learn``."""
        for row in rows:
            public = row.public
            if row.state is not HeadState.HELD or public is None or public.old_count not in begun:
                continue
            if self._of(public.old_count, row.shard_count) is None:
                self._begin(public.old_count, row.shard_count, public.overlap_ns, 0.0)

    def heard(self, shard_count: int) -> None:
        """A message of a shard of this count came."""
        for overlap in self.overlaps:
            overlap.heard_any = True
            overlap.heard_old = overlap.heard_old or overlap.old_count == shard_count

    def forget(self) -> None:
        """Another store: what is known of shard counts is of the one before."""
        self.known, self.overlaps = False, []

    # -- what is over ----------------------------------------------------------------------------

    def tick(self, now: float, present: Collection[int], wants: Callable[[int], bool]) -> None:
        """Note which counts are over, and forget what was long ago. present: counts of which
        something is read, or waits to be. wants: whether shards of a count are behind."""
        for overlap in list(self.overlaps):
            overlap.count_silence(now)
            overlap.had_old = overlap.had_old or overlap.old_count in present
            if overlap.over_s is not None:
                past = now - overlap.over_s > KEEP_SECONDS and not wants(overlap.new_count)
                given_up = False
            else:
                ended = overlap.had_old and overlap.old_count not in present
                silent = overlap.is_done or overlap.silent_s > QUIET_SECONDS
                if ended or (silent and not wants(overlap.old_count)):
                    overlap.over_s = now
                    overlap.dedup.complete()
                past = False
                given_up = (
                    overlap.unannounced_s > QUIET_SECONDS and overlap.new_count not in present
                )
            if past or given_up:
                self.overlaps.remove(overlap)

    def taken_back(self, new_count: int) -> None:
        """The resharding to this count was taken back: nothing of it will be read."""
        self.overlaps = [o for o in self.overlaps if o.new_count != new_count]

    def _of(self, old_count: int, new_count: int) -> Overlap | None:
        for overlap in self.overlaps:
            if (overlap.old_count, overlap.new_count) == (old_count, new_count):
                return overlap
        return None

    def _begin(self, old_count: int, new_count: int, overlap_ns: int, silent_s: float) -> Overlap:
        known = self._of(old_count, new_count)
        others = [overlap for overlap in self.overlaps if overlap is not known]
        overlap = Overlap(old_count, new_count, overlap_ns, silent_s)
        self.overlaps = [*others[-MOST + 1 :], overlap]
        return overlap
