"""What a worker counts, as its reports tell it: types of events that are unknown as one, and of
those that are known only what is new."""

from __future__ import annotations

from cluster.discord.event_names import EVENT_NAMES
from cluster.wire import topic
from cluster.wire.traffic import OTHER, Traffic
from shard_worker.delivery.slot_journal import SlotJournalStats
from shard_worker.protocol.latencies import Latencies


class TrafficReport:
    """The counters of a process. What was told once is told again only where it has changed."""

    def __init__(self) -> None:
        self.latencies = Latencies()
        self._told: dict[str, int] = {}
        self._other = self._holes = 0

    def renew(self) -> None:
        """Let all count as new: who was told may not have heard."""
        self._told = {}

    def news(
        self, counts: dict[str, int], journal: SlotJournalStats, received_bytes: int
    ) -> Traffic:
        """Return what is to be told now; it is new no more. counts: how many events of each name
        came; names that are unknown are taken out of it, so that a server which invents them makes
        it no larger for long."""
        self._fold(counts)
        told = self._told
        events = {name: count for name, count in counts.items() if told.get(name) != count}
        if self._other:
            events[OTHER] = self._other
        self._told = dict(counts)
        return Traffic(
            events=events,
            holes=self._holes,
            received_bytes=received_bytes,
            batch_bytes=journal.batch_bytes,
            heartbeats=list(self.latencies.counts),
            heartbeat_s=self.latencies.seconds,
            unjournalled=journal.unjournalled,
        )

    def _fold(self, counts: dict[str, int]) -> None:
        """Take what has no name of its own out of the counts."""
        for name in counts.keys() - EVENT_NAMES:
            count = counts.pop(name)
            if name == topic.HOLE:
                self._holes += count
            else:
                self._other += count
