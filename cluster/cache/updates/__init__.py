"""What each event changes in the cache: pure, from the parts as they are to the parts as they will
be.

An update takes its event's `d` and raises one of decode_errors.MALFORMED, before it has changed
anything, for what is no such `d`. An event of a guild that the cache does not have changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from cluster.cache.kinds import Keep
from cluster.cache.parts import Parts
from cluster.cache.updates import channels, guilds, items, people, users

Update = Callable[[Parts, bytes], None]

_GUILDS: Final[Mapping[str, Update]] = {
    **guilds.UPDATES,
    **channels.UPDATES,
    **items.UPDATES,
    **people.UPDATES,
}


def updates(keep: frozenset[Keep]) -> dict[str, Update]:
    """Return, by the name of the event, what changes a cache that keeps these."""
    made = dict(_GUILDS)
    if Keep.PRESENCES in keep:
        made |= people.OF_PRESENCES
    if Keep.MEMBERS in keep or Keep.PRESENCES in keep:
        made |= people.OF_CHUNKS
    if Keep.USERS in keep:
        for name, see in users.UPDATES.items():
            made[name] = _both(see, made[name]) if name in made else see
    return made


def _both(first: Update, second: Update) -> Update:
    def update(parts: Parts, d: bytes) -> None:
        first(parts, d)
        second(parts, d)

    return update
