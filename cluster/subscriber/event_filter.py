"""Which of a chain's events a subscriber gives out; delivery_queue.py asks before it takes any."""

from __future__ import annotations

from cluster.subscriber.chain import Delivered, Event, Missing, Reached, measured
from cluster.subscriber.guild_filter import GuildFilter
from cluster.subscriber.reshards import Reshards
from cluster.wire.position import WHOLE, ShardKey


class EventFilter:
    """Leaves out what an older shard count has delivered already, what is of other guilds, and what
    is read once more. It stands after the chain, which needs every event to know that none is
    missing."""

    def __init__(self, reshards: Reshards, guilds: GuildFilter | None = None) -> None:
        """guilds: None: those of all guilds are given out."""
        self.handled: dict[ShardKey, tuple[int, int]] = {}
        """Shards of which some is read once more, and the (epoch, seq) up to which nothing of it is
        given out."""
        self._reshards = reshards
        self._guilds = guilds

    def pick(self, delivered: Delivered) -> Delivered:
        """Return the events to give out, in the same order; there may be none."""
        if self._reshards.overlaps:
            fresh = self._reshards.fresh(delivered.events)
            if self.handled:
                fresh = self._unhandled(fresh)
            if fresh is not delivered.events:
                delivered = measured(fresh)
        if self._guilds is not None:
            takes = self._guilds.takes
            delivered = measured(
                [event for event in delivered.events if takes(event.name, event.data)]
            )
        return delivered

    def was_handled(self, key: ShardKey, output: Missing | Reached) -> bool:
        """Return whether this was said before, of what is read once more."""
        handled = self.handled.get(key)
        if handled is None:
            return False
        if isinstance(output, Reached):
            return (output.epoch, output.seq) <= handled
        last = WHOLE if output.last is None else output.last
        return (output.epoch, last) <= handled

    def _unhandled(self, events: list[Event]) -> list[Event]:
        """Return the events of a shard without those that were handled."""
        if not events:
            return events
        handled = self.handled.get(ShardKey(events[0].shard_count, events[0].shard_id))
        if handled is None or handled < (events[0].epoch, events[0].seq):
            return events
        return [event for event in events if (event.epoch, event.seq) > handled]
