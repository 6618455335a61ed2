"""What a Subscriber yields: Event, Gap and Stalled."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from cluster.errors import ConfigError
from cluster.subscriber.chain import Event
from cluster.wire.states import GapReason

__all__ = ["NO_REPLAY", "OTHER_STORE", "Event", "Gap", "Item", "Stalled", "checked_names"]


class Gap(NamedTuple):
    """Events that were missed and can't be had again."""

    shard_id: int
    """-1: of all shards."""
    shard_count: int
    epoch: int
    names: tuple[str, ...] | None
    """None: of every name that is subscribed to."""
    first: int
    last: int | None
    """None: nobody knows how many."""
    reason: GapReason


NO_REPLAY = Gap(-1, 0, 0, None, 0, None, GapReason.NO_REPLAY)
OTHER_STORE = Gap(-1, 0, 0, None, 0, None, GapReason.OTHER_STORE)


class Stalled(NamedTuple):
    """No watermark came for this long: silence is not health."""

    slot: int | None
    """The worker; None: nothing comes from any."""
    seconds: float


Item = Event | Gap | Stalled


_NAME = re.compile("[A-Z][A-Z0-9_]{0,99}")


def checked_names(events: Iterable[str]) -> frozenset[str]:
    """Names of events, of which some may come. Raises ConfigError."""
    names = frozenset([events] if isinstance(events, str) else events)
    for name in names:
        if not _NAME.fullmatch(name):
            raise ConfigError(
                f"there can't be an event {name!r}",
                'give names as Discord writes them, such as "MESSAGE_CREATE"; None takes all',
            )
    if not names:
        raise ConfigError("events is empty", "give names, or None for all")
    return names
