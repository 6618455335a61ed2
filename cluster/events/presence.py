"""Presences."""

from __future__ import annotations

from typing import Any

from cluster.events.base import UNSET, Absent, Dispatch, Payload, dispatch
from cluster.events.objects.presences import Presence


@dispatch("PRESENCE_UPDATE", "Presence")
class PresenceUpdate(Dispatch):
    """Somebody's status or activities, or the user behind them, changed."""

    presence: Payload[Presence]
    broadcast: dict[str, Any] | Absent | None = UNSET
    """What the user shows to everybody who may see them."""
