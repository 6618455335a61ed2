"""How a shard is, and what of it was told already: only what has changed is told again.

Nobody looks at each shard of a process to find those: with a thousand idle ones that was a tenth of
what the process used. Where something happens to a shard, it is noted in what all of them share.
"""

from __future__ import annotations

import time

from cluster.wire.link import ShardCounts, ShardReport
from cluster.wire.states import SessionState
from shard_worker.interfaces import Delivery
from shard_worker.protocol.session import Session


class Tally:
    """What the shards of a process have brought, and those of which there may be news."""

    def __init__(self) -> None:
        self.events = 0
        """Dispatches delivered, also those of shards that are another process's by now."""
        self.touched: set[int] = set()
        """Shards to which something has happened since they were asked for news."""


class ShardNews:
    """What one shard tells of itself. Moments are seconds of the caller's monotonic clock."""

    def __init__(
        self, shard_id: int, session: Session, delivery: Delivery, tally: Tally, now: float
    ) -> None:
        self.events = 0
        """Dispatches delivered since the shard was made."""
        self.unplaced = 0
        """Messages that could not be placed in the sequence."""
        began_ns = delivery.began_ns
        age_s = max(0.0, (time.time_ns() - began_ns) / 1e9)
        self.began_at = now - age_s if began_ns else None
        """When the session's READY came, in whichever process, by this clock: the one on the wall
        may be set while this process lives. None: not known."""
        self._shard_id = shard_id
        self._session = session
        self._delivery = delivery
        self._tally = tally
        self._changed = True
        """Something that a report tells, besides what events move, may have changed since the last
        one."""
        self._told_wait: tuple[str, float | None] | None = None
        """Why it waited, and for what moment, as the last report told."""
        self._told_events = 0
        self._dispatched_at: float | None = None
        tally.touched.add(shard_id)

    def delivered(self, count: int, now: float) -> None:
        """Count dispatches that were delivered."""
        self.events += count
        self._dispatched_at = now
        tally = self._tally
        tally.events += count
        tally.touched.add(self._shard_id)

    def left_out(self, count: int) -> None:
        """Count messages that could not be placed."""
        self.unplaced += count
        self.renew()

    def renew(self) -> None:
        """Let all count as news: something else has happened, or who was told may not have
        heard."""
        self._changed = True
        self._tally.touched.add(self._shard_id)

    def take(self, now: float) -> ShardReport | ShardCounts | None:
        """Return how the shard is, or only what events have moved, if anything has changed since
        this was asked last; None: nothing has."""
        session, told_events = self._session, self._told_events
        is_waiting = session.state is SessionState.WAITING
        if is_waiting:  # why and for how long hangs on how the others of the process fare
            self._tally.touched.add(self._shard_id)
        wait = (session.detail, session.next_try) if is_waiting else None
        is_changed = self._changed or wait != self._told_wait
        self._changed, self._told_wait, self._told_events = False, wait, self.events
        if is_changed:
            return self.report(now)
        if self.events == told_events:
            return None
        return ShardCounts(self._shard_id, session.seq, self.events, self._silent_s(now))

    def report(self, now: float) -> ShardReport:
        """Return how the shard is now."""
        session = self._session
        return ShardReport(
            shard_id=self._shard_id,
            state=session.state,
            epoch=session.epoch,
            seq=session.seq,
            events=self.events,
            silent_s=self._silent_s(now),
            unplaced=self.unplaced,
            session_age_s=self._age_s(now) if session.resumable else None,
            heartbeat_ms=None if session.latency is None else session.latency * 1000,
            late_acks=session.late_acks,
            guilds=self._delivery.guilds if session.resumable else 0,
            reconnects=dict(session.reconnects),
            detail=session.detail,
            next_try_s=self._next_try_s(now),
            refused=session.refused,
        )

    def _next_try_s(self, now: float) -> float | None:
        """Return the seconds until the next connection is begun; None: see Session.next_try."""
        moment = self._session.next_try
        return None if moment is None else max(0.0, moment - now)

    def _silent_s(self, now: float) -> float | None:
        """Return the seconds since the last dispatch; None: there was none."""
        at = self._dispatched_at
        return None if at is None else now - at

    def _age_s(self, now: float) -> float | None:
        """Return the seconds since the session's READY, in whichever process; None: not known."""
        return None if self.began_at is None else now - self.began_at
