"""IdentifyLimiter: decides who may identify, and when. Pure; times are seconds of a monotonic
clock.

Discord allows one IDENTIFY per bucket (shard_id % max_concurrency) in 5 s, and a number of them a
day ("Gateway", "Rate Limiting" and "Session Start Limit Object"); beyond the daily number every
session ends and the token is reset. Theory of operation:

- A bucket is *free*, *granted* or *closed until* a time. A grant makes it granted; it leaves that
  state by `sent` (closed for window + margin from then: exactly 5.0 s from the grant earns op 9),
  by `unused` (free again as before), or by being *lost*: its owner died, or said nothing for
  timeout_s. A lost one may have been sent at any moment up to now, so it closes the bucket from
  now. A READY that comes later than the margin closes it a little longer: the identify may have
  arrived as late as that, and Discord counts from arrival to arrival.
- A grant is spent when it is given. Only `unused` gives it back.
- Within a bucket the lowest waiting shard goes first, but one that has had its turn goes after
  those who have not: a shard whose identifies fail again and again starves nobody.
- Who asks is a worker of this cluster or a program outside; both wait in the same queue.
- The budget is the smaller of what our own ledger and what Discord's `remaining` leave. When it is
  used up nothing is granted after the daily reset until the numbers were fetched again
  (`needs_refresh`); before that, old numbers are good enough while newer ones come (`stale`).
"""

from __future__ import annotations

from collections import deque
from typing import Final

from cluster.discord.limits import IDENTIFY_WINDOW_S
from cluster.errors import BudgetError
from cluster.identify.bucket import Bucket, Claim, Grant, Owner

GRANT_TIMEOUT_S: Final = 30.0
"""A grant that nothing was heard of for so long is lost. It is longer than a silent worker is left
alive (coordinator.workers.slots.KILL_AFTER_S), so nobody sends the identify later."""
LATEST_ARRIVAL_S: Final = 0.5
"""An identify is taken to arrive within this long; a READY that comes later was long to make."""
FRESH_S: Final = 600.0
"""How long Discord's numbers are good: others may spend for the same account."""


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
        self._fetched_at = float("-inf")
        self._timeout_s = timeout_s
        self._reserve = reserve
        self._share = share
        self._next_id = first_grant_id
        self._left = 0
        """What was left of the budget when it was refreshed."""
        self._since = 0
        """How many identifies were granted since the budget was refreshed."""
        self._sent: deque[float] = deque()
        """When the identifies went out, or may have, that Discord may not have counted yet."""
        self._buckets: dict[int, Bucket] = {}
        self._opened_at = float("-inf")
        """No bucket is free before this time: identifies are known, and not of which bucket."""

    # -- the budget -----------------------------------------------------------------------------

    @property
    def available(self) -> int:
        """How many identifies may still be granted before the reset."""
        return max(0, self._left - self._since - self._reserve)

    @property
    def remaining(self) -> int:
        """How many identifies are left of the daily limit, the reserve among them."""
        return max(0, self._left - self._since)

    def refresh(
        self,
        *,
        total: int,
        remaining: int,
        reset_at: float,
        spent: int,
        max_concurrency: int,
        asked_at: float,
    ) -> None:
        """Take freshly fetched numbers. spent: by our ledger, in the window that ends at reset_at.
        asked_at: when they were asked for; what was sent since then, or is still to be sent, is in
        `spent`, and may not be in Discord's `remaining`."""
        self.total = total
        self.reset_at = reset_at
        self._fetched_at = asked_at
        while self._sent and self._sent[0] < asked_at - LATEST_ARRIVAL_S:
            self._sent.popleft()
        outstanding = sum(bucket.outstanding is not None for bucket in self._buckets.values())
        limit = total if self._share is None else min(total, self._share)
        self._left = min(limit - spent, remaining - outstanding - len(self._sent))
        self._since = 0
        if max_concurrency != self.max_concurrency:
            self._regroup(max_concurrency)

    def needs_refresh(self, now: float) -> bool:
        """Return whether shards wait, the budget is used up and the reset is past."""
        return self._waits() and self.available == 0 and now >= self.reset_at

    def stale_at(self) -> float | None:
        """Return when the numbers are old; None: nobody waits, and they may be."""
        return min(self._fetched_at + FRESH_S, self.reset_at) if self._waits() else None

    def stale(self, now: float) -> bool:
        """Return whether shards wait and the numbers are old."""
        stale_at = self.stale_at()
        return stale_at is not None and now >= stale_at

    def require(self, needed: int, now: float) -> None:
        """Raise BudgetError, with the numbers and when they return, if so many are not left."""
        if needed > self.available:
            raise over_budget(
                needed,
                remaining=self.remaining,
                total=self.total,
                reserve=self._reserve,
                reset_after_s=self.reset_at - now,
            )

    # -- what is asked and told -----------------------------------------------------------------

    def request(self, shard_id: int, owner: Owner) -> Grant | None:
        """Let a shard wait for its turn. If it has a grant already, return that, to be sent
        again."""
        bucket, claim = self._bucket(shard_id), Claim(shard_id, owner)
        if bucket.outstanding is not None and bucket.outstanding.claim == claim:
            return bucket.outstanding
        bucket.add(claim)
        return None

    def withdraw(self, shard_id: int, owner: Owner) -> None:
        """Let a shard wait no more."""
        self._bucket(shard_id).remove(Claim(shard_id, owner))

    def sent(self, shard_id: int, grant_id: int, now: float) -> None:
        """The identify of a grant went out now. It counts even if the grant was given up for lost:
        Discord counts it too."""
        bucket = self._bucket(shard_id)
        bucket.close(now + self.interval_s)
        bucket.unanswered = grant_id, now
        self._sent.append(now)
        if bucket.outstanding is not None and bucket.outstanding.grant_id == grant_id:
            bucket.outstanding = None

    def accepted(self, shard_id: int, grant_id: int, now: float) -> None:
        """The READY of an identify that was sent has come: it arrived by now at the latest."""
        bucket = self._bucket(shard_id)
        if bucket.unanswered is None or bucket.unanswered[0] != grant_id:
            return
        arrived = min(now, bucket.unanswered[1] + LATEST_ARRIVAL_S)
        bucket.close(arrived + self._window_s)
        bucket.unanswered = None

    def unused(self, shard_id: int, grant_id: int) -> bool:
        """The identify was not sent and will not be. False: no such grant is outstanding."""
        bucket = self._bucket(shard_id)
        if bucket.outstanding is None or bucket.outstanding.grant_id != grant_id:
            return False
        bucket.outstanding = None
        self._since -= 1
        return True

    def undelivered(self, grant: Grant) -> bool:
        """The grant reached nobody, so it is not spent, and was no turn: who asks again has the
        place that it had. False: it is not outstanding."""
        if not self.unused(grant.shard_id, grant.grant_id):
            return False
        self._bucket(grant.shard_id).take_back(grant.claim)
        return True

    def gone(self, owner: Owner, now: float) -> list[Grant]:
        """Forget an owner that died: its shards wait no more. Return its grants, which are lost."""
        lost: list[Grant] = []
        for bucket in self._buckets.values():
            for claim in bucket.order():
                if claim.owner == owner:
                    bucket.remove(claim)
            if bucket.outstanding is not None and bucket.outstanding.owner == owner:
                lost.append(bucket.outstanding)
                self._lose(bucket, now)
        return lost

    def close_bucket(self, shard_id: int, until: float) -> None:
        """Keep the bucket of a shard closed until then: an identify of it is known from before."""
        self._bucket(shard_id).close(until)

    # -- grants ---------------------------------------------------------------------------------

    def due(self, now: float) -> list[Grant]:
        """Return the grants to give now, in the order of the shards. They count as spent."""
        ready: list[Bucket] = []
        for bucket in self._buckets.values():
            held = bucket.outstanding
            if held is not None and now >= held.granted_at + self._timeout_s:
                self._lose(bucket, now)
            if bucket.waits and bucket.outstanding is None and bucket.free_at <= now:
                ready.append(bucket)
        ready.sort(key=lambda bucket: bucket.order()[0].shard_id)
        return [self._grant(bucket, now) for bucket in ready[: self.available]]

    def next_at(self, now: float) -> float | None:
        """Return when `due` or `needs_refresh` may next say something else; None: not before
        another method is called."""
        waiting = [bucket for bucket in self._buckets.values() if bucket.waits]
        if not waiting:
            return None
        if self.available == 0:
            return max(now, self.reset_at)
        return max(now, min(self._opens(bucket) for bucket in waiting))

    def schedule(self, now: float) -> list[tuple[float, Claim]]:
        """Return who waits, in the order of their turns, and when each turn comes if every grant is
        sent at once."""
        rows = [row for bucket in self._buckets.values() for row in self._schedule(bucket, now)]
        rows.sort(key=lambda row: (row[0], row[1].shard_id))
        return [
            (opens if before < self.available else max(opens, self.reset_at), claim)
            for before, (opens, claim) in enumerate(rows)
        ]

    # -- inside ---------------------------------------------------------------------------------

    def _waits(self) -> bool:
        return any(bucket.waits for bucket in self._buckets.values())

    def _bucket(self, shard_id: int) -> Bucket:
        number = shard_id % self.max_concurrency
        if number not in self._buckets:
            self._buckets[number] = Bucket(self._opened_at)
        return self._buckets[number]

    def _grant(self, bucket: Bucket, now: float) -> Grant:
        shard, owner = bucket.take()
        bucket.outstanding = grant = Grant(self._next_id, shard, owner, now)
        self._next_id += 1
        self._since += 1
        return grant

    def _lose(self, bucket: Bucket, now: float) -> None:
        bucket.outstanding = None
        bucket.close(now + self.interval_s)
        self._sent.append(now)

    def _opens(self, bucket: Bucket) -> float:
        """Return when the next turn of a bucket comes, at the latest that is known."""
        held = bucket.outstanding
        return bucket.free_at if held is None else held.granted_at + self._timeout_s

    def _schedule(self, bucket: Bucket, now: float) -> list[tuple[float, Claim]]:
        """Return every turn of a bucket to come, if a grant that is out is sent now."""
        opens = max(now, bucket.free_at)
        if bucket.outstanding is not None:
            opens = max(opens, now + self.interval_s)
        return [
            (opens + before * self.interval_s, claim) for before, claim in enumerate(bucket.order())
        ]

    def _regroup(self, max_concurrency: int) -> None:
        """Make other buckets of the old ones: closed until the last of those opens."""
        old = list(self._buckets.values())
        self.max_concurrency = max_concurrency
        self._opened_at = max((bucket.free_at for bucket in old), default=self._opened_at)
        self._buckets = {}
        for grant in sorted(b.outstanding for b in old if b.outstanding is not None):
            bucket = self._bucket(grant.shard_id)
            if (older := bucket.outstanding) is not None:  # two in one now: wait out that one
                bucket.close(older.granted_at + self._timeout_s)
            bucket.outstanding = grant
        for before in old:
            for claim in before.order():
                self._bucket(claim.shard_id).add(claim)


def over_budget(
    needed: int, *, remaining: int, total: int, reserve: int, reset_after_s: float, whose: str = ""
) -> BudgetError:
    """Return the refusal of a start that needs more identifies than are left. whose: words that
    follow the numbers."""
    kept = f", of which {reserve} are kept in reserve" if reserve else ""
    needs = "1 identify is" if needed == 1 else f"{needed} identifies are"
    return BudgetError(
        f"{needs} needed and {remaining} of {total} are left{whose}{kept}",
        f"they return in {_duration(reset_after_s)}: start then, or with fewer shards",
    )


def _duration(seconds: float) -> str:
    """Return a duration as a reader has it: "2 h 05 min", "3 min", "12 s"."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    minutes = -(-whole // 60)
    return f"{minutes // 60} h {minutes % 60:02} min" if minutes >= 60 else f"{minutes} min"
