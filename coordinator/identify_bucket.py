"""One bucket of the identify limiter: who waits, who holds its grant, when it opens (pure)."""

from __future__ import annotations

from typing import NamedTuple

Owner = int | str
"""Who asked: the slot of a worker of this cluster, or the ticket of a program outside."""


class Claim(NamedTuple):
    """A shard that waits, and who asked for it."""

    shard_id: int
    owner: Owner


class Grant(NamedTuple):
    """Leave for one shard to identify once."""

    grant_id: int
    shard_id: int
    owner: Owner
    granted_at: float

    @property
    def claim(self) -> Claim:
        return Claim(self.shard_id, self.owner)


class Bucket:
    """Free when nothing is outstanding and `free_at` is past."""

    def __init__(self, free_at: float) -> None:
        self.free_at = free_at
        self.outstanding: Grant | None = None
        self.unanswered: tuple[int, float] | None = None
        """Grant id and time of the last identify sent, until it is accepted."""
        self._waiting: dict[Claim, None] = {}
        """In the order in which they came."""
        self._served: set[int] = set()
        """Shards that had their turn while others may wait for theirs."""

    @property
    def waits(self) -> bool:
        """Whether anybody does."""
        return bool(self._waiting)

    def close(self, until: float) -> None:
        """Not free before then."""
        self.free_at = max(self.free_at, until)

    def add(self, claim: Claim) -> None:
        """It waits; one that does already keeps its place."""
        self._waiting.setdefault(claim)

    def remove(self, claim: Claim) -> None:
        """It waits no more."""
        self._waiting.pop(claim, None)

    def order(self) -> list[Claim]:
        """Who waits, in the order of their turns; of one shard, who came first."""
        return sorted(self._waiting, key=lambda c: (c.shard_id in self._served, c.shard_id))

    def take(self) -> Claim:
        """The next in turn; it waits no more."""
        claim = self.order()[0]
        if claim.shard_id in self._served:
            self._served.clear()
        self._served.add(claim.shard_id)
        self.remove(claim)
        return claim
