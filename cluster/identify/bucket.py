"""One bucket of the identify limiter: who waits, who holds its grant, when it opens (pure)."""

from __future__ import annotations

from typing import NamedTuple


class Outsider(NamedTuple):
    """A program outside that asked."""

    asker: str
    """The same in all that one coordinator asks; empty: a program that is none."""
    ticket: str
    """Another one for each identify."""


Owner = int | Outsider
"""Who asked; int: the slot of a worker of this cluster."""


class Claim(NamedTuple):
    """A shard that waits, and who asked for it."""

    shard_id: int
    owner: Owner

    @property
    def seat(self) -> tuple[int, int | str]:
        """What is the same when the same shard of the same asker comes again."""
        asker = self.owner if isinstance(self.owner, int) else self.owner.asker
        return self.shard_id, asker


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
        self._served: set[tuple[int, int | str]] = set()
        """Seats that had their turn while others may wait for theirs."""

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
        return sorted(self._waiting, key=lambda c: (c.seat in self._served, c.shard_id))

    def take(self) -> Claim:
        """The next in turn; it waits no more."""
        claim = self.order()[0]
        if claim.seat in self._served:
            self._served.clear()
        self._served.add(claim.seat)
        self.remove(claim)
        return claim
