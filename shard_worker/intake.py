"""Intake: which of the events that a connection brought take a position; those are delivered."""

from __future__ import annotations

from collections.abc import Sequence

from shard_worker.interfaces import Delivery
from shard_worker.protocol.frame import FrameEvent, Unplaced
from shard_worker.protocol.session import Session
from shard_worker.shard_log import ShardLog
from shard_worker.shard_news import ShardNews


class Intake:
    """Takes the events of one shard. Moments are seconds of the session's clock."""

    def __init__(
        self, session: Session, delivery: Delivery, news: ShardNews, log: ShardLog
    ) -> None:
        self._session = session
        self._delivery = delivery
        self._news = news
        self._log = log

    def placed(self, events: list[FrameEvent], now: float) -> Sequence[FrameEvent]:
        """Return the events that take a position. Those that can't be placed are counted."""
        session = self._session
        far = session.order.far
        taken = session.dispatched(events, now)
        if taken is events:  # as almost always
            return events
        if taken is None:
            what = Unplaced(events[0][0], "a dispatch before there is a session")
            self.leave_out(what, len(events))
            return ()
        if session.order.far > far:
            what = Unplaced(events[-1][0], "a dispatch whose s is far beyond the last")
            self.leave_out(what, session.order.far - far)
        return taken

    def leave_out(self, what: Unplaced, count: int = 1) -> None:
        """Count what can't be placed. The next event shows the hole."""
        self._news.left_out(count)
        self._log.left_out(what)

    def deliver(self, events: Sequence[FrameEvent], now: float, received_ns: int) -> None:
        """Deliver events that take a position, as one drain. None is none."""
        if events:
            self._delivery.deliver(events, received_ns)
            self._news.delivered(len(events), now)
