"""How far something has come in the events of a cluster, shard by shard. Pure."""

from __future__ import annotations

from typing import Any

from cluster.wire.batch import Event
from cluster.wire.position import WHOLE, Saved, SavedShard, read_saved

Key = tuple[int, int]
"""Shard count and shard id."""
Place = tuple[int, int]
"""Epoch and seq."""


class Positions:
    """Per shard the place up to which all was had, in one store. It is changed only by `add`, so
    whoever hands one on copies it before."""

    __slots__ = ("places", "store")

    def __init__(self, store: str = "", places: dict[Key, Place] | None = None) -> None:
        self.store = store
        self.places: dict[Key, Place] = {} if places is None else places

    @classmethod
    def read(cls, saved: Any) -> Positions:
        """Return what `plain` has, or Subscriber.position; None: nothing was had. Raises
        ConfigError."""
        if saved is None:
            return cls()
        found = read_saved(saved)
        return cls(
            found.store, {(s.shard_count, s.shard_id): (s.epoch, s.seq) for s in found.shards}
        )

    def plain(self) -> dict[str, Any]:
        """Return the positions as a Subscriber takes them (`start`)."""
        rows = [SavedShard(*key, *place) for key, place in sorted(self.places.items())]
        return Saved(self.store, rows).plain()

    def copy(self) -> Positions:
        return Positions(self.store, self.places.copy())

    def add(self, event: Event) -> None:
        """Take an event as had, and all that came before it in its shard. Of a store that is
        another, nothing that was had before counts."""
        source = event.source
        if source.store != self.store:
            self.store, self.places = source.store, {}
        self.places[source.shard_count, source.shard_id] = source.epoch, event.seq

    def reach(self, event: Event) -> None:
        """Take an event as had, if it is not, and of the same store."""
        if event.store == self.store and not self.has(event):
            self.add(event)

    def has(self, event: Event) -> bool:
        """Return whether an event is among what was had."""
        source = event.source
        place = self.places.get((source.shard_count, source.shard_id))
        return (
            place is not None
            and (source.epoch, event.seq) <= place
            and source.store == self.store
        )  # fmt: skip

    def covers(self, other: Positions) -> bool:
        """Return whether all that the other has was had here, too. A shard that is not known here
        counts as had if it is no more: nobody will ever read it."""
        if other.store != self.store:
            return not other.places
        mine = self.places
        for key, place in other.places.items():
            own = mine.get(key)
            if place[1] != WHOLE if own is None else own < place:
                return False
        return True

    def joined(self, other: Positions | None) -> Positions:
        """Return what was had here or there. Of another store nothing is taken."""
        if other is None or other.store != self.store:
            return self
        places = self.places.copy()
        for key, place in other.places.items():
            if places.get(key, place) <= place:
                places[key] = place
        return Positions(self.store, places)

    def met(self, other: Positions) -> Positions:
        """Return what was had here and, as far as the other knows the shard, there."""
        if other.store != self.store:
            return self
        theirs = other.places
        return Positions(
            self.store,
            {key: min(place, theirs.get(key, place)) for key, place in self.places.items()},
        )

    def is_near(self, other: Positions, events: int) -> bool:
        """Return whether the other is at most so many events behind in each shard that it knows."""
        if other.store != self.store:
            return False
        for key, (epoch, seq) in other.places.items():
            own = self.places.get(key)
            if own is not None and (own[0] != epoch or own[1] - seq > events):
                return False
        return True

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Positions)
            and self.store == other.store
            and self.places == other.places
        )  # fmt: skip

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Positions({self.store!r}, {self.places!r})"
