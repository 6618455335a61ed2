"""What is compared: items of a witness's stream, rows of the sandbox's ledger, and breaches."""

from __future__ import annotations

from typing import Any, NamedTuple

Key = tuple[int, int]
"""Shard count, shard id."""
Place = tuple[int, int]
"""Epoch, seq."""
Names = frozenset[str] | None
"""Names of the events that a witness takes; None: it takes everything."""

BLANKED = "READY"
"""Its session id is blanked before it is journalled, so its bytes differ from what was sent."""


class ReceivedEvent(NamedTuple):
    """An event that a witness received."""

    key: Key
    epoch: int
    seq: int
    name: str
    hash: str
    received_ns: int
    """Unix nanoseconds at which the worker took it off the socket."""

    @property
    def place(self) -> Place:
        return self.epoch, self.seq


class ReportedGap(NamedTuple):
    """A gap that a witness was told of; last None: nobody knows how many events it covers."""

    key: Key
    epoch: int
    names: Names
    first: int
    last: int | None
    reason: str

    @property
    def place(self) -> Place:
        return self.epoch, self.first if self.last is None else self.last


Item = ReceivedEvent | ReportedGap


class DispatchRow(NamedTuple):
    """One dispatch in the sandbox's ledger."""

    name: str
    hash: str
    moment: float
    """Unix seconds."""


class Breach(NamedTuple):
    """A promise that was not kept."""

    kind: str
    """"lost", "disorder", "duplicate", "gap", "identify", or "other"."""
    who: str
    """The witness that saw it."""
    moment: float
    """Unix seconds of the event or act that it is about."""
    text: str


def item_from_plain(plain: list[Any]) -> Item:
    """Read an item as the process of witnesses/subscriber.py writes it."""
    if plain[0] == "event":
        _, count, shard, epoch, seq, name, digest, received_ns = plain
        return ReceivedEvent((count, shard), epoch, seq, name, digest, received_ns)
    _, count, shard, epoch, names, first, last, reason = plain
    return ReportedGap(
        (count, shard), epoch, None if names is None else frozenset(names), first, last, reason
    )
