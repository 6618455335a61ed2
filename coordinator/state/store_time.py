"""StoreTime: Unix seconds as the store counts them, which nobody moves by setting the clock.

While the machine runs they pass as the kernel's time since its boot does, over restarts of the
coordinator too. How long it was off only the wall clock can say, and that may be wrong: it moves
the time on by LONGEST_OFF_S at most, and never back. So what is noted is never of the future, and
what is a day old by this time and counts for a day is done with. A state folder that came from
another host finds a boot there that is older than what is noted: it says nothing of the time since.
"""

from __future__ import annotations

import math
from typing import Final, Self

import msgspec

from coordinator.host import HostClocks

LONGEST_OFF_S: Final = 2 * 86_400.0
"""Nothing that is noted counts for longer; a clock that is ten years ahead moves the time no
further."""


class Anchor(msgspec.Struct, frozen=True, kw_only=True):
    """What the host's clocks said at one moment of the store's time."""

    time: float
    boot_id: str
    since_boot_s: float
    wall_s: float


class StoreTime:
    """The time of one store, while the host runs."""

    def __init__(
        self, clocks: HostClocks, booted_at: float, sure_from: float | None = None
    ) -> None:
        """booted_at: what the time was, at the latest, when the host booted. sure_from: since when
        it is sure how much time has passed; None: since the boot."""
        self._clocks = clocks
        self._booted_at = booted_at
        self._sure_from = booted_at if sure_from is None else sure_from

    @classmethod
    def follow(cls, anchor: Anchor | None, clocks: HostClocks) -> Self:
        """Return the time that goes on from an anchor; None: it begins, by the wall clock."""
        since_boot_s, wall_s = clocks.since_boot(), clocks.wall()
        if anchor is None:
            return cls(clocks, wall_s - since_boot_s)
        passed = since_boot_s - anchor.since_boot_s
        if anchor.boot_id == clocks.boot_id and passed >= 0:
            return cls(clocks, anchor.time + passed - since_boot_s)
        by_wall = wall_s - anchor.wall_s
        if 0 <= by_wall < since_boot_s:  # another host's boot, or a clock that was set back
            passed = min(by_wall, LONGEST_OFF_S)
            return cls(clocks, anchor.time + passed - since_boot_s, anchor.time + passed)
        passed = min(max(since_boot_s, by_wall), LONGEST_OFF_S)
        return cls(clocks, anchor.time + passed - since_boot_s)

    @classmethod
    def shared(cls, anchor: Anchor | None, clocks: HostClocks) -> Self:
        """Return the time that goes on from an anchor in a database that several hosts use; None:
        it begins. clocks: their wall clock is the database's, read once and carried on by this
        host's time since its boot, so that it is stepped only between two starts: the time goes on
        by LONGEST_OFF_S at most then, and never back. It is sure of what has passed in this host's
        boot, where the anchor is of that, and since the start otherwise."""
        since_boot_s, wall_s = clocks.since_boot(), clocks.wall()
        if anchor is None:
            return cls(clocks, wall_s - since_boot_s, wall_s)
        if anchor.boot_id == clocks.boot_id and since_boot_s >= anchor.since_boot_s:
            return cls.follow(anchor, clocks)
        now = anchor.time + min(max(0.0, wall_s - anchor.wall_s), LONGEST_OFF_S)
        return cls(clocks, now - since_boot_s, now)

    def now(self) -> float:
        """Return the time."""
        return self._booted_at + self._clocks.since_boot()

    def anchor(self) -> Anchor:
        """Return what the time after a restart, or a boot, is to be found by."""
        since_boot_s = self._clocks.since_boot()
        return Anchor(
            time=self._booted_at + since_boot_s,
            boot_id=self._clocks.boot_id,
            since_boot_s=since_boot_s,
            wall_s=self._clocks.wall(),
        )

    def age(self, moment: float) -> float:
        """Return the seconds that have surely passed since a moment: of one before the boot, those
        since the boot (on another host: since the start)."""
        return self.now() - max(moment, self._sure_from)

    def passed_since(self, boot_id: str, since_boot_s: float) -> float:
        """Return the seconds since a moment that another process noted by the host's clock; inf: it
        is not one of this boot."""
        passed = self._clocks.since_boot() - since_boot_s
        return passed if boot_id == self._clocks.boot_id and passed >= 0 else math.inf

    def since(self, age_s: float) -> float:
        """Return the earliest moment of which it is not sure that so many seconds have passed since
        it; 0: all from before the boot are such."""
        moment = self.now() - age_s
        return moment if moment >= self._sure_from else 0.0
