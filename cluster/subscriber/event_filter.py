"""Which of a chain's events a subscriber gives out; delivery_queue.py asks before it takes any."""

from __future__ import annotations

from cluster.subscriber.chain import Delivered, measured
from cluster.subscriber.guild_filter import GuildFilter
from cluster.subscriber.reshards import Reshards


class EventFilter:
    """Leaves out what an older shard count has delivered already, and what is of other guilds. It
    stands after the chain, which needs every event to know that none is missing."""

    def __init__(self, reshards: Reshards, guilds: GuildFilter | None = None) -> None:
        """guilds: None: those of all guilds are given out."""
        self._reshards = reshards
        self._guilds = guilds

    def pick(self, delivered: Delivered) -> Delivered:
        """Return the events to give out, in the same order; there may be none."""
        if self._reshards.overlaps:
            fresh = self._reshards.fresh(delivered.events)
            if fresh is not delivered.events:
                delivered = measured(fresh)
        if self._guilds is not None:
            takes = self._guilds.takes
            delivered = measured(
                [event for event in delivered.events if takes(event.name, event.data)]
            )
        return delivered
