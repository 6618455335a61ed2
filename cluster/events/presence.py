"""Presences."""

from __future__ import annotations

from cluster.events.base import Dispatch, Payload, dispatch
from cluster.events.objects.presences import Presence


@dispatch("PRESENCE_UPDATE", "Presence")
class PresenceUpdate(Dispatch):
    """Somebody's status or activities, or the user behind them, changed."""

    presence: Payload[Presence]
