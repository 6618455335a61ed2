"""Which shards say nothing while their neighbours do: a session may live, acknowledge heartbeats
and bring no event for hours. Pure; times are seconds of the caller's monotonic clock.

What is usual is each shard's own: the share of seconds in which something came, over a day, with an
hour of silence before it, so that a shard that was seen for a short time is owed little. Half a
minute is put before it where a shard brings about as much as its neighbours: that is of many
guilds, and no conversation that ends makes it silent. Seconds are counted and not events, since a
burst is no rate. While a shard is silent it is owed what it usually brings, at the pace of its
neighbours: where all are quieter than usual, as at night, less is owed. It is too silent when it is
owed 30 seconds with events (by chance, e^-30), has been silent for a minute at least, and four
times longer than ever in the last days. What is usual is as it was when the silence began: who is
silent for ten hours does not become one that always was.

A shard that brings something in less than a tenth of all seconds is not judged: with so few guilds
events come in conversations, and a silence of hours is usual.

Measured (simulated, as in tests/coordinator/workers/test_silences.py): of three shards with 5
events a second, one that falls silent after an hour is told of 90 s later, after 8 minutes 390 s
later. False alarms: none in 15 times 12 hours of 18 shards with 0.001 to 50 events a second; none
in 50 weeks of a shard whose one guild talks for half an hour now and then, 3 in 20 weeks where it
talks for an hour, something in three of ten seconds; one in 120 weeks of shards with quiet nights.
None comes twice in a week.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Hashable
from typing import Final

DAY_S: Final = 24 * 3600.0
"""Time constant of what is usual."""
PRIOR_S: Final = 3600.0
"""Seconds of silence that are put before what is known."""
LIKE_PRIOR_S: Final = 30.0
"""Seconds of silence that are put before what is known of a shard like its neighbours."""
LIKE: Final = 1 / 3
"""A shard that brings this part of what is usual among all shards is like its neighbours."""
PRESENT_S: Final = 20.0
"""Time constant of how the cluster is now: short, so that where all fall silent at once nobody is
owed as much as MOST_OWED."""
RECENT_S: Final = 15.0
"""Shards of which nothing was reported for so long say nothing of the pace."""
LEAST_USUAL: Final = 0.1
"""Share of seconds with events below which a silence says nothing."""
LEAST_S: Final = 60.0
"""A silence that is shorter is none."""
MOST_OWED: Final = 30.0
"""Seconds with events that a silent shard may be owed."""
LONGER: Final = 4.0
"""How many times longer than those before it a silence must be."""
FORGET_S: Final = 7 * DAY_S
"""Time constant in which the longest silence is forgotten."""


class _Shard:
    """What is known of one shard."""

    def __init__(self, now: float, events: int) -> None:
        self.seen_at = now
        self.ready = True
        self.events = events
        self.silent_s = 0.0
        self.owed = 0.0
        self._busy_s = 0.0
        """Seconds with events, and all that were seen, up to the last event; both forget."""
        self._known_s = 0.0
        self._longest_s = 0.0
        self.usual_rate = 0.0
        """Events a second."""
        self._spoken_rate = 0.0
        """The usual rate when the last event came."""
        self._rated_s = 0.0
        self._present_rate = 0.0
        self.counted_pace: float | None = None
        """What it has of the cluster's pace; None: it has no part in it."""

    def usual(self, typical_rate: float) -> float:
        """Return the share of seconds with events, when the last one came. typical_rate: of all
        shards, in events a second."""
        is_like = self._spoken_rate >= LIKE * typical_rate
        return self._busy_s / (self._known_s + (LIKE_PRIOR_S if is_like else PRIOR_S))

    @property
    def pace(self) -> float:
        """How many events come now, of what is usual: from 0 to 1. A burst makes the usual rate
        higher, and the pace lower."""
        return min(1.0, self._present_rate / self.usual_rate) if self.usual_rate else 0.0

    def too_silent(self, typical_rate: float) -> bool:
        return (
            self.silent_s >= LEAST_S
            and self.owed >= MOST_OWED
            and self.silent_s >= LONGER * self._longest_s
            and self.usual(typical_rate) >= LEAST_USUAL
        )

    def count(self, events: int, for_s: float) -> None:
        """So many events came in the last ``for_s`` seconds."""
        rate = events / for_s
        self._rated_s += for_s
        self.usual_rate += (rate - self.usual_rate) * for_s / min(DAY_S, self._rated_s)
        self._present_rate += (rate - self._present_rate) * -math.expm1(-for_s / PRESENT_S)

    def spoke(self, for_s: float) -> None:
        """Something came in the last ``for_s`` seconds, after a silence of ``silent_s``."""
        forget = math.exp(-(self.silent_s + for_s) / DAY_S)
        self._busy_s = self._busy_s * forget + for_s
        self._known_s = self._known_s * forget + self.silent_s + for_s
        longest_s = self._longest_s * math.exp(-(self.silent_s + for_s) / FORGET_S)
        self._longest_s = max(longest_s, self.silent_s)
        self._spoken_rate = self.usual_rate
        self.owed = self.silent_s = 0.0

    def was_silent(self, for_s: float, pace: float, typical_rate: float) -> None:
        """Nothing came in the last ``for_s`` seconds. pace: how its neighbours are, 1 as usual."""
        self.owed += self.usual(typical_rate) * pace * for_s
        self.silent_s += for_s


class Silences:
    """The shards of a cluster, by any key."""

    def __init__(self) -> None:
        self._shards: dict[Hashable, _Shard] = {}
        self._paces = 0.0
        """Sum over the shards that have a part in the cluster's pace."""
        self._paced = 0
        self._typical_rate = 0.0
        self._looked_at = -math.inf

    def report(self, shard: Hashable, events: int, now: float) -> None:
        """Take a report of a shard that is ready. events: how many it has brought; fewer than
        before are those of another process."""
        known = self._shards.get(shard)
        if known is None:
            self._shards[shard] = _Shard(now, events)
            return
        for_s = now - known.seen_at
        if for_s <= 0.0:
            return  # what changed is seen by the next report
        if for_s > RECENT_S:  # its worker or this process was away: nobody knows of that time
            known.seen_at, known.events, known.ready = now, events, True
            return
        new = events - known.events if events >= known.events else events
        known.seen_at, known.events, known.ready = now, events, True
        known.count(new, for_s)
        if new:
            known.spoke(for_s)
        else:
            self._look(now)
            known.was_silent(for_s, self._pace_beside(known), self._typical_rate)

    def not_ready(self, shard: Hashable, now: float) -> None:
        """A shard has no session, or none that brings anything yet: that is no silence."""
        if known := self._shards.get(shard):
            known.ready, known.seen_at = False, now
            known.owed = known.silent_s = 0.0

    def _look(self, now: float) -> None:
        """Look at all shards, once a second."""
        if now - self._looked_at < 1.0:
            return
        self._looked_at = now
        self._paces, self._paced = 0.0, 0
        rates = []
        for shard in self._shards.values():
            shard.counted_pace = None
            if shard.ready and now - shard.seen_at < RECENT_S:
                shard.counted_pace = shard.pace
                self._paces += shard.pace
                self._paced += 1
                rates.append(shard.usual_rate)
        self._typical_rate = statistics.median(rates) if rates else 0.0

    def _pace_beside(self, shard: _Shard) -> float:
        """Return how much comes to all shards but this one."""
        paces, others = self._paces, self._paced
        if shard.counted_pace is not None:
            paces, others = paces - shard.counted_pace, others - 1
        return max(0.0, paces) / others if others else 0.0

    def too_silent(self, shard: Hashable) -> bool:
        """Return whether a shard says nothing for longer than chance explains."""
        known = self._shards.get(shard)
        return known is not None and known.too_silent(self._typical_rate)
