"""The ledger of one account's identifies: the store's, as an identify queue uses it."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable
from typing import Final

from cluster.identify.bucket import Grant
from coordinator.state.store import Store

log = logging.getLogger(__name__)

RECENT_S: Final = 60.0
"""Identifies that are older than this close no bucket any more."""


class IdentifyLedger:
    """What was granted, to this cluster's shards and to programs outside."""

    def __init__(self, store: Store, *, account: str, wall: Callable[[], float]) -> None:
        """account: its key in this store. wall: Unix seconds."""
        self._store = store
        self._account = account
        self._wall = wall

    def grant(self, grant: Grant, shard_count: int) -> int:
        """Write it down; the epoch that it begins. sqlite3.Error: it is not written, so not
        given."""
        return self._store.grant(
            grant.grant_id, self._account, shard_count, grant.shard_id, self._wall()
        )

    def grant_outside(self, grant: Grant, shard_count: int) -> None:
        """Write down one to a program outside, whose epochs are its own. sqlite3.Error."""
        self._store.grant_outside(
            grant.grant_id, self._account, shard_count, grant.shard_id, self._wall()
        )

    def sent(self, grant_id: int) -> None:
        """The identify went out now."""
        self._note(lambda: self._store.sent(grant_id, self._wall()))

    def unused(self, grant_id: int) -> None:
        """It was not sent: it is not spent."""
        self._note(lambda: self._store.unused(grant_id))

    def epoch(self, shard_count: int, shard_id: int) -> int:
        """Of the last grant to this shard of the cluster."""
        return self._store.known(shard_count, shard_id).epoch

    def spent(self) -> int:
        """Since the last daily reset, at most a day back."""
        return self._store.spent(self._account, self._wall())

    def reset_due(self, after_s: float) -> None:
        """The daily limit is reset in so many seconds. sqlite3.Error."""
        now = self._wall()
        self._store.reset_due(self._account, now + after_s, now)

    def recent(self) -> list[tuple[int, float]]:
        """(shard, seconds since it was sent) of the last identifies; of one of which it is not
        known that it was sent, 0: it may be sent now."""
        now = self._wall()
        rows = self._store.recent(self._account, now - RECENT_S, now)
        return [(shard, max(0.0, now - at)) for shard, at in rows]

    def _note(self, write: Callable[[], None]) -> None:
        """Write what makes it more exact; without it, it errs on the safe side."""
        try:
            write()
        except (sqlite3.Error, OverflowError) as error:  # of a number that no grant ever had
            log.error("the ledger can't be written: %s", error)
