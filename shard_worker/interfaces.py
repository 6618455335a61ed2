"""The two ends that a shard talks to: where its events go, and who lets it identify."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from shard_worker.protocol.frame import Frame, FrameEvent


class Delivery(Protocol):
    """Where a shard's events go: a worker's journal, or a client's queue."""

    @property
    def began_ns(self) -> int:
        """When the session's READY came: Unix ns; 0: not known."""

    @property
    def guilds(self) -> int:
        """How many guilds the session's READY named."""

    def begin_epoch(self, epoch: int, session_id: str, resume_url: str, guilds: int) -> None:
        """Begin a session; what is delivered from now on belongs to it."""

    def deliver(self, events: Sequence[FrameEvent], received_ns: int) -> None:
        """Take a drain: events in the order of their seqs."""

    def end_epoch(self, cause: str) -> None:
        """End the session: it will not be resumed."""

    def heard(self, frame: Frame) -> None:
        """Take a frame that is no dispatch, between the drains before and after it."""

    def handled(self, seq: int) -> int:
        """Return the highest s at or below `seq` that the consumer has stored (worker) or taken
        (client); -1: none. No more than that is acknowledged, since Discord may forget it."""

    def resumed_after(self, seq: int) -> int:
        """Store what was delivered so far (worker), up to `seq`, and return the s that a RESUME is
        to name: Discord may forget what lies before. It is `seq`, or a lower one, after which what
        was delivered comes again and takes no position."""


class GrantSource(Protocol):
    """Who grants identifies to a shard, and hears how it is: a worker's coordinator, or a
    client."""

    def request_grant(self, shard_id: int) -> None: ...

    def identify_sent(self, shard_id: int, grant_id: int) -> None: ...

    def identify_unused(self, shard_id: int, grant_id: int) -> None: ...

    def changed(self) -> None:
        """Some shard's state is another than before: report it soon."""
