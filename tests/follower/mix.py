"""Traffic of all kinds: what a follower has to make sense of."""

from __future__ import annotations

from typing import Final

from cluster.sandbox.catalogue import catalogue
from cluster.sandbox.world.traffic import HANDLERS

_OF_A_CONNECTION: Final = ("READY", "RESUMED")
"""Events that nothing in the world brings about."""
_OUTAGE: Final = ("GUILD_CREATE", "GUILD_DELETE")
OLD_MESSAGES: Final = {
    "MESSAGE_CREATE": 10.0,
    "MESSAGE_UPDATE": 10.0,
    "GUILD_MEMBER_ADD": 0.5,
    "GUILD_MEMBER_REMOVE": 0.5,
    "GUILD_MEMBER_UPDATE": 0.5,
}
"""Weights by which people who are named in a message have often left when it is edited."""


def every_event(outages: float) -> dict[str, float]:
    """Weights for every event that the world models, and smaller ones for those that it makes up.

    outages: the weight of an outage that begins, and of one that begins and ends at once.
    """
    mix = {name: 1.0 if name in HANDLERS else 0.05 for name in catalogue().events}
    for name in _OF_A_CONNECTION:
        del mix[name]
    for name in _OUTAGE:
        mix[name] = outages
        if not outages:
            del mix[name]
    return mix
