"""What a Subscriber yields: Event, Gap and Stalled."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable
from typing import NamedTuple

from cluster.discord.event_names import EVENT_NAMES, nearest_event
from cluster.errors import ConfigError
from cluster.subscriber.chain import Event
from cluster.wire.states import GapReason

__all__ = ["NO_REPLAY", "OTHER_STORE", "Event", "Gap", "Item", "Stalled", "checked_names"]


class Gap(NamedTuple):
    """Events that were missed and can't be had again."""

    shard_id: int
    """Shard id; -1: events of all shards were missed."""
    shard_count: int
    epoch: int
    names: tuple[str, ...] | None
    """Names of the missed events; None: every name that is subscribed to."""
    first: int
    """The first seq that was missed."""
    last: int | None
    """The last seq that was missed; None: nobody knows how many there were."""
    reason: GapReason


NO_REPLAY = Gap(-1, 0, 0, None, 0, None, GapReason.NO_REPLAY)
OTHER_STORE = Gap(-1, 0, 0, None, 0, None, GapReason.OTHER_STORE)


class Stalled(NamedTuple):
    """No watermark came for this long: that nothing comes does not mean that nothing happens."""

    slot: int | None
    """Slot of the worker that is silent; None: nothing comes from any worker."""
    seconds: float


Item = Event | Gap | Stalled


_NAME = re.compile("[A-Z][A-Z0-9_]{0,99}")


def checked_names(events: Iterable[str], *, strict: bool) -> frozenset[str]:
    """Return the names as a set; a text is one name. ConfigError: one can't be an event's, or there
    are none; strict: also if one is not known. Otherwise that is a warning, since Discord may have
    added it, which names the line that calls the caller."""
    names = frozenset([events] if isinstance(events, str) else events)
    for name in names:
        if not _NAME.fullmatch(name):
            raise ConfigError(
                f"there can't be an event {name!r}",
                'give names as Discord writes them, such as "MESSAGE_CREATE"; None takes all',
            )
    if not names:
        raise ConfigError("events is empty", "give names, or None for all")
    for name in sorted(names - EVENT_NAMES):
        cause, meant = f"no event {name!r} is known", nearest_event(name)
        action = f"did you mean {meant!r}?" if meant else "docs/events.md has those that are"
        if strict:
            raise ConfigError(cause, action)
        warnings.warn(f"{cause}, and nothing may come of it: {action}", stacklevel=3)
    return names
