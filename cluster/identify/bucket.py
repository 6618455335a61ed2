"""Bucket: the part of the identify limiter in which one shard identifies at a time. Pure."""

from __future__ import annotations

from typing import NamedTuple


class Outsider(NamedTuple):
    """A program outside of the cluster that asks for identifies."""

    asker: str
    """Store id of the coordinator that asks; empty: it is another program."""
    ticket: str
    """Name of the question: each identify has its own."""


Owner = int | Outsider
"""Who asked: the slot of a worker of this cluster, or a program outside."""


class Claim(NamedTuple):
    """A shard that waits, and who asked for it."""

    shard_id: int
    owner: Owner

    @property
    def seat(self) -> tuple[int, int | str]:
        """What tells that the same shard of the same asker comes again."""
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
        """The claim that it grants."""
        return Claim(self.shard_id, self.owner)


class Bucket:
    """A bucket is free when no grant is outstanding and `free_at` is past."""

    def __init__(self, free_at: float) -> None:
        self.free_at = free_at
        self.outstanding: Grant | None = None
        self.unanswered: tuple[int, float] | None = None
        """Grant id and time of the last identify that was sent, until it is accepted."""
        self._waiting: dict[Claim, None] = {}
        """The claims that wait, in the order in which they came."""
        self._served: set[tuple[int, int | str]] = set()
        """Seats that had their turn while others may wait for theirs."""

    @property
    def waits(self) -> bool:
        """Whether any shard waits."""
        return bool(self._waiting)

    def close(self, until: float) -> None:
        """Keep the bucket closed until then, at least."""
        self.free_at = max(self.free_at, until)

    def add(self, claim: Claim) -> None:
        """Let a claim wait; one that waits already keeps its place."""
        self._waiting.setdefault(claim)

    def remove(self, claim: Claim) -> None:
        """Let a claim wait no more."""
        self._waiting.pop(claim, None)

    def order(self) -> list[Claim]:
        """Return the waiting claims in the order of their turns; of one shard, who came first."""
        return sorted(self._waiting, key=lambda c: (c.seat in self._served, c.shard_id))

    def take(self) -> Claim:
        """Return the claim whose turn is next; it waits no more."""
        claim = self.order()[0]
        if claim.seat in self._served:
            self._served.clear()
        self._served.add(claim.seat)
        self.remove(claim)
        return claim

    def take_back(self, claim: Claim) -> None:
        """Take note that the turn of a claim that was taken was none."""
        self._served.discard(claim.seat)
