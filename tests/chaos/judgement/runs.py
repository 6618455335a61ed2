"""Where in a shard's events a run of a client's dispatches stands, though some events are the same
to the byte: a presence that comes back, a member that is told of again. Pure.

A session of the proxy gets a shard's events one after the other without any left out, so what
follows a dispatch tells which of several equal events it was.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Final, NamedTuple

from tests.chaos.judgement.records import Key, ReceivedEvent

Content = tuple[str, str]
"""Name, hash of `d`."""
NOT_COMPARED: Final = frozenset(
    (
        "READY",
        "RESUMED",
        "GUILD_CREATE",
        "GUILD_DELETE",
        "CHANNEL_INFO",
        "GUILD_MEMBERS_CHUNK",
        "RATE_LIMITED",
        "SOUNDBOARD_SOUNDS",
        "VOICE_SERVER_UPDATE",
    )
)
"""Events that a proxy makes itself or leaves out where the client knows, and answers to others."""
SURE: Final = 3
"""Events that have to follow in a shard's order before a dispatch is taken for one of several."""


class Spot(NamedTuple):
    """Where an event stands among those of its shard."""

    key: Key
    number: int

    @property
    def following(self) -> Spot:
        return Spot(self.key, self.number + 1)


class Truth:
    """What all clients must get, in the order of each shard."""

    def __init__(self) -> None:
        self.spots: defaultdict[Content, list[Spot]] = defaultdict(list)
        self.received_ns: dict[Spot, int] = {}
        """When a worker took it off the socket, in Unix nanoseconds."""
        self.contents: dict[Spot, Content] = {}
        self.order: list[Spot] = []
        """All of them, as they came to be known."""
        self._lengths: defaultdict[Key, int] = defaultdict(int)

    def add(self, events: Iterable[ReceivedEvent]) -> None:
        for event in events:
            if event.name in NOT_COMPARED:
                continue
            spot = Spot(event.key, self._lengths[event.key])
            self._lengths[event.key] += 1
            self.spots[event.name, event.hash].append(spot)
            self.received_ns[spot] = event.received_ns
            self.contents[spot] = (event.name, event.hash)
            self.order.append(spot)

    def is_in(self, content: Content, key: Key) -> bool:
        """Return whether a shard is known to have had such an event."""
        return any(spot.key == key for spot in self.spots.get(content, ()))


def followers(truth: Truth, spot: Spot, after: Iterable[Content]) -> int:
    """Return how many of a client's next dispatches are the events that follow this one in its
    shard, SURE at most: up to one of the shard that is not the next, or that is not known yet."""
    found, expected = 0, spot.following
    for content in after:
        if found == SURE or expected not in truth.contents:
            break
        if content == truth.contents[expected]:
            found, expected = found + 1, expected.following
        elif truth.is_in(content, spot.key):
            break
    return found
