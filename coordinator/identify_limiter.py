"""Who may identify, when (pure: no clock, no I/O; times are seconds of a monotonic clock).

Discord allows one IDENTIFY per bucket (shard_id % max_concurrency) in 5 s, and a number of them a
day ("Gateway", "Rate Limiting" and "Session Start Limit Object"); beyond the daily number every
session ends and the token is reset. Theory of operation:

- A bucket is *free*, *granted* or *closed until* a time. A grant makes it granted; it leaves that
  state by `sent` (closed for window + margin from then: exactly 5.0 s from the grant earns op 9),
  by `unused` (free again as before), or by being *lost*: its worker died, or said nothing for
  timeout_s. A lost one may have been sent at any moment up to now, so it closes the bucket from
  now. A READY that comes later than the margin closes it a little longer: the identify may have
  arrived as late as that, and Discord counts from arrival to arrival.
- A grant is spent when it is given. Only `unused` gives it back.
- Within a bucket the lowest waiting shard goes first, but one that has had its turn goes after
  those who have not: a shard whose identifies fail again and again starves nobody.
- The budget is the smaller of what our own ledger and what Discord's `remaining` leave. After the
  daily reset nothing is granted until the numbers were fetched again (`needs_refresh`).
"""

from __future__ import annotations

from typing import NamedTuple

from cluster.errors import BudgetError
from cluster.gateway import IDENTIFY_WINDOW_S

GRANT_TIMEOUT_S = 30.0
"""Longer than a silent worker is left alive (supervisor.KILL_AFTER_S): nobody sends it later."""


LATEST_ARRIVAL_S = 0.5
"""An identify is taken to arrive within this long; a READY that comes later was long to make."""


class Grant(NamedTuple):
    """Leave for one shard to identify once."""

    grant_id: int
    shard_id: int
    owner: int
    """Slot of the worker that asked."""
    granted_at: float


class _Bucket:
    def __init__(self) -> None:
        self.free_at = float("-inf")
        self.outstanding: Grant | None = None
        self.unanswered: tuple[int, float] | None = None
        """Shard and time of the last identify sent, until it is accepted."""
        self.waiting: dict[int, int] = {}
        """shard id -> owner."""
        self.served: set[int] = set()
        """Shards that had their turn while others may wait for theirs."""

    def order(self) -> list[int]:
        """The waiting shards in the order of their turns."""
        return sorted(self.waiting, key=lambda shard: (shard in self.served, shard))

    def take(self) -> tuple[int, int]:
        """Shard id and owner of the next in turn; it waits no more."""
        shard = self.order()[0]
        if shard in self.served:
            self.served.clear()
        self.served.add(shard)
        return shard, self.waiting.pop(shard)


class IdentifyLimiter:
    """Grants identifies. Give it numbers by `refresh` before the first `due`."""

    def __init__(
        self,
        *,
        window_s: float = IDENTIFY_WINDOW_S,
        margin_s: float = 0.25,
        timeout_s: float = GRANT_TIMEOUT_S,
        reserve: int = 0,
        share: int | None = None,
        first_grant_id: int = 1,
    ) -> None:
        """reserve: identifies of the daily limit that are never granted. share: the most that this
        limiter may grant in a day, where others grant for the same account."""
        self.interval_s = window_s + margin_s
        self._window_s = window_s
        self.max_concurrency = 1
        self.total = 0
        self.reset_at = float("-inf")
        self._timeout_s = timeout_s
        self._reserve = reserve
        self._share = share
        self._next_id = first_grant_id
        self._left = 0
        """Of the budget when it was refreshed."""
        self._since = 0
        """Spent since."""
        self._buckets: dict[int, _Bucket] = {}

    # -- the budget -----------------------------------------------------------------------------

    @property
    def available(self) -> int:
        """Identifies that may still be granted before the reset."""
        return max(0, self._left - self._since - self._reserve)

    @property
    def remaining(self) -> int:
        """Identifies left of the daily limit, the reserve among them."""
        return max(0, self._left - self._since)

    def refresh(
        self, *, total: int, remaining: int, reset_at: float, spent: int, max_concurrency: int
    ) -> None:
        """Take freshly fetched numbers. spent: by our ledger, in the window that ends at reset_at;
        grants that are outstanding are in it, though Discord has not seen them."""
        self.total = total
        self.reset_at = reset_at
        outstanding = sum(bucket.outstanding is not None for bucket in self._buckets.values())
        limit = total if self._share is None else min(total, self._share)
        self._left = min(limit - spent, remaining - outstanding)
        self._since = 0
        if max_concurrency != self.max_concurrency:
            self._regroup(max_concurrency)

    def needs_refresh(self, now: float) -> bool:
        """Whether shards wait, the budget is used up and the reset is past."""
        waits = any(bucket.waiting for bucket in self._buckets.values())
        return waits and self.available == 0 and now >= self.reset_at

    def require(self, needed: int, now: float) -> None:
        """Raise BudgetError, with the numbers and when they return, if so many are not left."""
        if needed <= self.available:
            return
        kept = f", of which {self._reserve} are kept in reserve" if self._reserve else ""
        raise BudgetError(
            f"{needed} identifies are needed and {self.remaining} of {self.total} are left{kept}",
            f"they return in {_duration(self.reset_at - now)}: start then, or with fewer shards",
        )

    # -- what workers say -----------------------------------------------------------------------

    def request(self, shard_id: int, owner: int) -> Grant | None:
        """A shard asks for its turn. A grant that it has already is returned, to be said again."""
        bucket = self._bucket(shard_id)
        held = bucket.outstanding
        if held is not None and held.shard_id == shard_id and held.owner == owner:
            return held
        bucket.waiting[shard_id] = owner
        return None

    def sent(self, shard_id: int, grant_id: int, now: float) -> None:
        """The identify of a grant went out now. Heeded even of a grant that was given up for lost:
        Discord counts it."""
        bucket = self._bucket(shard_id)
        bucket.free_at = max(bucket.free_at, now + self.interval_s)
        bucket.unanswered = shard_id, now
        if bucket.outstanding is not None and bucket.outstanding.grant_id == grant_id:
            bucket.outstanding = None

    def accepted(self, shard_id: int, now: float) -> None:
        """The READY of an identify that was sent has come: it arrived by now at the latest."""
        bucket = self._bucket(shard_id)
        if bucket.unanswered is None or bucket.unanswered[0] != shard_id:
            return
        arrived = min(now, bucket.unanswered[1] + LATEST_ARRIVAL_S)
        bucket.free_at = max(bucket.free_at, arrived + self._window_s)
        bucket.unanswered = None

    def unused(self, shard_id: int, grant_id: int) -> bool:
        """The identify was not sent and will not be. False: no such grant is outstanding."""
        bucket = self._bucket(shard_id)
        if bucket.outstanding is None or bucket.outstanding.grant_id != grant_id:
            return False
        bucket.outstanding = None
        self._since -= 1
        return True

    def gone(self, owner: int, now: float) -> list[Grant]:
        """A worker died: its shards wait no more, its grants are lost. Returns these."""
        lost: list[Grant] = []
        for bucket in self._buckets.values():
            for shard in [s for s, o in bucket.waiting.items() if o == owner]:
                del bucket.waiting[shard]
            if bucket.outstanding is not None and bucket.outstanding.owner == owner:
                lost.append(bucket.outstanding)
                self._lose(bucket, now)
        return lost

    def close_bucket(self, shard_id: int, until: float) -> None:
        """An identify of this shard is known from before this limiter was made."""
        bucket = self._bucket(shard_id)
        bucket.free_at = max(bucket.free_at, until)

    # -- turns ----------------------------------------------------------------------------------

    def due(self, now: float) -> list[Grant]:
        """The grants to give now, in shard order. They are spent."""
        ready: list[_Bucket] = []
        for bucket in self._buckets.values():
            held = bucket.outstanding
            if held is not None and now >= held.granted_at + self._timeout_s:
                self._lose(bucket, now)
            if bucket.waiting and bucket.outstanding is None and bucket.free_at <= now:
                ready.append(bucket)
        ready.sort(key=lambda bucket: bucket.order()[0])
        return [self._grant(bucket, now) for bucket in ready[: self.available]]

    def next_at(self, now: float) -> float | None:
        """When `due` or `needs_refresh` may next say something else; None: not before somebody
        speaks."""
        waiting = [bucket for bucket in self._buckets.values() if bucket.waiting]
        if not waiting:
            return None
        if self.available == 0:
            return max(now, self.reset_at)
        return max(now, min(self._opens(bucket) for bucket in waiting))

    def waiting(self, now: float) -> list[int]:
        """The shards that wait, in the order in which they will get their grants."""
        return [shard for _, shard in self._schedule(now)]

    def wait_s(self, now: float) -> float:
        """How long the last of them will wait if all goes well: every grant sent at once."""
        schedule = self._schedule(now)
        if not schedule:
            return 0.0
        wait = schedule[-1][0] - now
        return wait if len(schedule) <= self.available else max(wait, self.reset_at - now)

    # -- inside ---------------------------------------------------------------------------------

    def _bucket(self, shard_id: int) -> _Bucket:
        return self._buckets.setdefault(shard_id % self.max_concurrency, _Bucket())

    def _grant(self, bucket: _Bucket, now: float) -> Grant:
        shard, owner = bucket.take()
        bucket.outstanding = grant = Grant(self._next_id, shard, owner, now)
        self._next_id += 1
        self._since += 1
        return grant

    def _lose(self, bucket: _Bucket, now: float) -> None:
        bucket.outstanding = None
        bucket.free_at = max(bucket.free_at, now + self.interval_s)

    def _opens(self, bucket: _Bucket) -> float:
        """When the next turn of a bucket may come at the latest known."""
        held = bucket.outstanding
        return bucket.free_at if held is None else held.granted_at + self._timeout_s

    def _schedule(self, now: float) -> list[tuple[float, int]]:
        """(time, shard) of every turn to come, if a grant that is out is sent now."""
        turns: list[tuple[float, int]] = []
        for bucket in self._buckets.values():
            opens = max(now, bucket.free_at)
            if bucket.outstanding is not None:
                opens = max(opens, now + self.interval_s)
            for turn, shard in enumerate(bucket.order()):
                turns.append((opens + turn * self.interval_s, shard))
        return sorted(turns)

    def _regroup(self, max_concurrency: int) -> None:
        """Buckets of another size: all of them closed until the last of the old ones opens."""
        old = list(self._buckets.values())
        self.max_concurrency = max_concurrency
        self._buckets = {}
        if not old:
            return
        free_at = max(bucket.free_at for bucket in old)
        held = sorted(b.outstanding for b in old if b.outstanding is not None)
        for number in range(max_concurrency):
            self._buckets[number] = bucket = _Bucket()
            bucket.free_at = free_at
        for grant in held:
            bucket = self._bucket(grant.shard_id)
            if (older := bucket.outstanding) is not None:  # two in one now: wait out that one
                bucket.free_at = max(bucket.free_at, older.granted_at + self._timeout_s)
            bucket.outstanding = grant
        for bucket in old:
            for shard, owner in bucket.waiting.items():
                self._bucket(shard).waiting[shard] = owner


def _duration(seconds: float) -> str:
    """ "2 h 05 min", "3 min", "12 s"."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    minutes = -(-whole // 60)
    return f"{minutes // 60} h {minutes % 60:02} min" if minutes >= 60 else f"{minutes} min"
