"""Discord, as the simulation plays it: it counts what it must never see."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from cluster.discord.limits import IDENTIFY_WINDOW_S

RESUMABLE_S: Final = 180.0
"""For so long after its connection was closed a session is kept."""


class Gateway:
    """The connections and sessions of one bot. Times are the clock's seconds."""

    def __init__(self, clock: Callable[[], float], max_concurrency: int) -> None:
        self.max_concurrency = max_concurrency
        self.identifies = 0
        self.resumes = 0
        self.too_early = 0
        """Identifies that came within the window of the last one of their bucket."""
        self.doubles = 0
        """How often a shard had a second connection."""
        self.ready_at = 0.0
        """When the last READY or RESUMED was sent."""
        self.longest_away_s = 0.0
        """The longest time for which a shard that had a session had no connection."""
        self.most_away = 0
        """The most shards at once that had a session and no connection."""
        self._clock = clock
        self._left: set[int] = set()
        """Shards whose sessions are those of a run before, and were not gone on with yet."""
        self._buckets: dict[int, float] = {}
        self._held: dict[int, object] = {}
        """Shard -> who has the connection with its session."""
        self._away: dict[int, float] = {}
        """Shard -> since when its session has no connection."""
        self._sessions: dict[str, int] = {}
        """Session id -> shard."""

    @property
    def connected(self) -> int:
        """How many shards have a connection with a session."""
        return len(self._held)

    def watch(self) -> None:
        """Begin to count anew."""
        self.identifies = self.resumes = self.too_early = self.doubles = 0
        self.longest_away_s = 0.0
        self.most_away = 0

    def leave_sessions(self, shards: int) -> None:
        """Let so many shards have sessions of a run before this one."""
        self._left.update(range(shards))

    def session_before(self, shard: int) -> str:
        """Return the session of the run before, as its worker's journal has it; empty: there is
        none."""
        if shard not in self._left:
            return ""
        self._left.remove(shard)
        session = f"{shard}-before"
        self._sessions[session] = shard
        return session

    def identify(self, shard: int, who: object) -> str:
        """Begin a session. Return its id."""
        now, bucket = self._clock(), shard % self.max_concurrency
        if now - self._buckets.get(bucket, float("-inf")) < IDENTIFY_WINDOW_S:
            self.too_early += 1
        self._buckets[bucket] = now
        self.identifies += 1
        session = f"{shard}-{self.identifies}-{now:.3f}"
        self._sessions[session] = shard
        self._hold(shard, who)
        return session

    def resume(self, session: str, who: object) -> bool:
        """Go on with a session. False: it is over."""
        shard = self._sessions.get(session)
        if shard is None:
            return False
        if self._clock() - self._away.get(shard, float("inf")) > RESUMABLE_S:
            del self._sessions[session]
            return False
        self.resumes += 1
        self._hold(shard, who)
        return True

    def close(self, shards: Iterable[int], who: object) -> None:
        """Take note that these connections of somebody are closed, resumably."""
        for shard in shards:
            if self._held.get(shard) is who:
                del self._held[shard]
                self._away[shard] = self._clock()
                self.most_away = max(self.most_away, len(self._away))

    def _hold(self, shard: int, who: object) -> None:
        if self._held.get(shard, who) is not who:
            self.doubles += 1
        self._held[shard] = who
        self.ready_at = self._clock()
        since = self._away.pop(shard, None)
        if since is not None:
            self.longest_away_s = max(self.longest_away_s, self.ready_at - since)
