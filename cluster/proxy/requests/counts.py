"""What is counted of clients' requests, for `status` and metrics."""

from __future__ import annotations

from typing import NamedTuple


class RequestCounts(NamedTuple):
    """What is counted of clients' requests."""

    waiting: int
    """Requests that are not sent yet."""
    presences: int
    """Shards of the cluster that are yet to be told a presence."""
    unanswered: int
    """Requests of which the answer is not whole yet."""
    sent: int
    given_up: int
    unread: int
    """Answers that could not be read."""
