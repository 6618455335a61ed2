"""The ledger of one account's identifies: the part of the store that an identify queue uses."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final

from cluster.identify.bucket import Grant
from coordinator.state.database import StoreError
from coordinator.state.store import Store
from coordinator.state.store_time import StoreTime

log = logging.getLogger(__name__)

RECENT_S: Final = 60.0
"""Identifies that are older than this close no bucket any more."""


class IdentifyLedger:
    """Notes what was granted, to this cluster's shards and to programs outside."""

    def __init__(self, store: Store, *, account: str, time: StoreTime | None = None) -> None:
        """account: its key in this store. time: None: the store's own."""
        self.granted = 0
        """How many grants were written down since this was made."""
        self.returned = 0
        """How many of them went unused."""
        self._store = store
        self._account = account
        self._time = time or store.time

    def grant(self, grant: Grant, shard_count: int) -> int:
        """Write a grant down and return the epoch that it begins. StoreError: it is not written,
        so it must not be given."""
        epoch = self._store.grant(
            grant.grant_id, self._account, shard_count, grant.shard_id, self._time.now()
        )
        self.granted += 1
        return epoch

    def grant_outside(self, grant: Grant, shard_count: int) -> None:
        """Write down a grant to a program outside, whose epochs are its own. StoreError: as in
        `grant`."""
        self._store.grant_outside(
            grant.grant_id, self._account, shard_count, grant.shard_id, self._time.now()
        )
        self.granted += 1

    def sent(self, grant_id: int) -> None:
        """Note that the identify of a grant went out now."""
        self._note(lambda: self._store.sent(grant_id, self._time.now()))

    def unused(self, grant_id: int) -> None:
        """Note that the identify of a grant was not sent: it is not spent."""
        self.returned += 1
        self._note(lambda: self._store.unused(grant_id))

    def epoch(self, shard_count: int, shard_id: int) -> int:
        """Return the epoch that the last grant to this shard of the cluster began."""
        return self._store.known(shard_count, shard_id).epoch

    def spent(self) -> int:
        """Return how many identifies were spent since the last daily reset, at most a day back."""
        return self._store.spent(self._account, self._time.now())

    def reset_due(self, after_s: float) -> None:
        """Note that the daily limit is reset in so many seconds. StoreError: it is not
        written."""
        now = self._time.now()
        self._store.reset_due(self._account, now + after_s, now)

    def recent(self) -> list[tuple[int, float]]:
        """Return (shard, seconds that have surely passed since it was sent) of the last identifies;
        0 for one of which it is not known that it was sent: it may be sent now."""
        time = self._time
        rows = self._store.recent(self._account, time.since(RECENT_S), time.now())
        return [(shard, time.age(sent_at)) for shard, sent_at in rows]

    def _note(self, write: Callable[[], None]) -> None:
        """Write what makes the ledger more exact; without it, it errs on the safe side."""
        try:
            write()
        except StoreError as error:
            # as for an impossible grant id that a worker named
            log.error("the ledger can't be written: %s", error)
