"""What is compared: items of a witness's stream, rows of the sandbox's ledger, and breaches."""

from __future__ import annotations

from typing import Any, NamedTuple

Key = tuple[int, int]
"""Shard count, shard id."""
Place = tuple[int, int]
"""Epoch, seq."""
Names = frozenset[str] | None
"""What a witness takes; None: everything."""

BLANKED = "READY"
"""Its session id is blanked before it is journalled, so its bytes differ from what was sent."""


class Came(NamedTuple):
    """An event."""

    key: Key
    epoch: int
    seq: int
    name: str
    hash: str
    received_ns: int
    """When the worker took it off the socket: Unix ns."""

    @property
    def place(self) -> Place:
        return self.epoch, self.seq


class Missed(NamedTuple):
    """A gap; last None: nobody knows how many."""

    key: Key
    epoch: int
    names: Names
    first: int
    last: int | None
    reason: str

    @property
    def place(self) -> Place:
        return self.epoch, self.first if self.last is None else self.last


Item = Came | Missed


class Row(NamedTuple):
    """A dispatch of the sandbox."""

    name: str
    hash: str
    at: float
    """Unix seconds."""


class Breach(NamedTuple):
    """A promise that was not kept."""

    kind: str
    """"lost", "disorder", "duplicate", "gap", "identify", or "other"."""
    who: str
    """The witness that saw it."""
    at: float
    """Unix time of what it is about."""
    text: str


def came_of(plain: list[Any]) -> Item:
    """The inverse of what subscriber_witness.py writes."""
    if plain[0] == "came":
        _, count, shard, epoch, seq, name, digest, received_ns = plain
        return Came((count, shard), epoch, seq, name, digest, received_ns)
    _, count, shard, epoch, names, first, last, reason = plain
    return Missed(
        (count, shard), epoch, None if names is None else frozenset(names), first, last, reason
    )
