"""Shown: what the shards of the cluster show of the bot, as its clients asked."""

from __future__ import annotations

import logging
from collections.abc import Callable

from cluster.commands import Command
from cluster.decode_errors import worth_saying
from cluster.proxy.identify import Identify
from cluster.proxy.requests import payloads
from cluster.proxy.requests.presences import Presence, PresenceQueue, newest, shards_of
from cluster.proxy.requests.store import MOST_PRESENCES, RequestStoreError, Store

log = logging.getLogger(__name__)


class Shown:
    """The presences that clients have asked for, and which shards have yet to be told; the queue is
    emptied by who sends (sender.py)."""

    def __init__(self, store: Store, process: int, now_ns: Callable[[], int]) -> None:
        """process: the number of this one among those of the host. now_ns: Unix time."""
        self._store = store
        self._process = process
        self._now_ns = now_ns
        self._last_ns = 0
        self._own: dict[tuple[int, int], Presence] = {}
        """What was asked of this process; the oldest first."""
        self.queue = PresenceQueue()
        self.unkept = 0
        """How often one could not be kept, or not be looked up."""

    def ask(self, identify: Identify, d: bytes, shard_count: int, now: float) -> None:
        """A client wants this to be shown. shard_count: of the cluster. now: the queue's clock."""
        # Two are told apart by their times even where the clock was set back.
        self._last_ns = max(self._last_ns + 1, self._now_ns())
        shard = identify.shard_id, identify.shard_count
        presence = Presence(*shard, self._last_ns, d)
        self._own.pop(shard, None)
        self._own[shard] = presence
        if len(self._own) > MOST_PRESENCES:
            del self._own[next(iter(self._own))]
        try:
            self._store.set_presence(presence)
        except RequestStoreError as error:
            self._failed(error)
        for shard_id in shards_of(*shard, shard_count):
            self.queue.want(shard_id, now)

    def is_shown(self, identify: Identify, d: bytes) -> bool:
        """Return whether this is what the same client's shard asked for last, and nobody anything
        else since: a bot that was started again asks for no change."""
        last = max(self._all(), key=lambda one: one.asked_ns, default=None)
        return (
            last is not None
            and (last.shard_id, last.shard_count) == (identify.shard_id, identify.shard_count)
            and last.d == d
        )

    def begun_anew(self, shard_id: int, shard_count: int, now: float) -> None:
        """A shard of the cluster shows what is configured: it is told again what any process of
        the host was asked for last, by the first of them."""
        if self._process == 0 and newest(self._all(), shard_id, shard_count) is not None:
            self.queue.want(shard_id, now)

    def begin(self, shard_count: int, now: float) -> None:
        """So many shards of the cluster are in force, and show nobody knows what. Each process
        tells them what it was asked itself, since the first may have known of them before that."""
        known = self._all()
        for shard_id in range(shard_count):
            presence = newest(known, shard_id, shard_count)
            if presence is not None and (self._process == 0 or presence in self._own.values()):
                self.queue.want(shard_id, now)

    def command(self, shard_id: int, shard_count: int) -> Command | None:
        """Return what a shard of the cluster is told. None: nobody asked for anything, or there is
        no such shard."""
        if shard_id >= shard_count:
            return None
        presence = newest(self._all(), shard_id, shard_count)
        return None if presence is None else payloads.presence_command(presence.d)

    def _all(self) -> list[Presence]:
        try:
            return [*self._store.presences(), *self._own.values()]
        except RequestStoreError as error:
            self._failed(error)
            return list(self._own.values())

    def _failed(self, error: RequestStoreError) -> None:
        self.unkept += 1
        if worth_saying(self.unkept):
            log.warning("presences of other processes are not known: %s", error)
