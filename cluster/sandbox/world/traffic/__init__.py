"""Traffic: for every event that the world models, a handler that makes it happen."""

from __future__ import annotations

from typing import Final

from cluster.sandbox.world.scene import Handler
from cluster.sandbox.world.traffic import (
    application,
    channels,
    expressions,
    guilds,
    messages,
    moderation,
    occasions,
    people,
    reactions,
    threads,
    voice,
)
from cluster.sandbox.world.traffic.direct import DIRECT_HANDLERS
from cluster.sandbox.world.traffic.mixed import talk

HANDLERS: Final[dict[str, Handler]] = {
    **people.HANDLERS,
    **messages.HANDLERS,
    **reactions.HANDLERS,
    **channels.HANDLERS,
    **threads.HANDLERS,
    **guilds.HANDLERS,
    **expressions.HANDLERS,
    **occasions.HANDLERS,
    **voice.HANDLERS,
    **moderation.HANDLERS,
    **application.HANDLERS,
}
"""Event name -> what makes it happen in a guild."""

__all__ = ["DIRECT_HANDLERS", "HANDLERS", "talk"]
