"""Presences."""

from __future__ import annotations

from typing import Any

from cluster.events.base import UNSET, Absent, Dispatch, Payload, Snowflake, dispatch
from cluster.events.objects.presences import Activity, Presence


@dispatch("PRESENCE_UPDATE", "Presence")
class PresenceUpdate(Dispatch):
    """Somebody's status or activities, or the user behind them, changed."""

    presence: Payload[Presence]
    broadcast: dict[str, Any] | Absent | None = UNSET
    """What the user shows to everybody who may see them."""


@dispatch("PRESENCES_REPLACE", "Presence", listed=False, documented=False)
class PresencesReplace(Dispatch):
    """All presences that belong to no guild, such as those of friends."""

    presences: Payload[list[Presence]]


@dispatch("ACTIVITY_START", "Presence", listed=False, documented=False)
class ActivityStart(Dispatch):
    """Somebody began to do something."""

    user_id: Snowflake | Absent = UNSET
    activity: Activity | Absent = UNSET
