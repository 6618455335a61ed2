"""Quests."""

from __future__ import annotations

from datetime import datetime

from cluster.events.base import UNSET, Absent, Object, Snowflake
from cluster.events.enums.store import (
    DismissibleQuestContentFlags,
    QuestRewardAssignmentMethod,
    QuestTaskType,
)


class QuestTaskHeartbeat(Object):
    """That a task is still worked at."""

    last_beat_at: datetime
    expires_at: datetime | None


class QuestTaskProgress(Object):
    """How far a task is."""

    event_name: QuestTaskType
    value: int
    updated_at: datetime
    completed_at: datetime | None
    heartbeat: QuestTaskHeartbeat | Absent | None = UNSET


class QuestUserStatus(Object):
    """How far the account is with a quest."""

    user_id: Snowflake
    quest_id: Snowflake | Absent = UNSET
    enrolled_at: datetime | None
    completed_at: datetime | None
    claimed_at: datetime | None
    claimed_tier: QuestRewardAssignmentMethod | Absent | None = UNSET
    orb_quantity_claimed: int | Absent | None = UNSET
    last_stream_heartbeat_at: datetime | Absent | None = UNSET
    stream_progress_seconds: int | Absent = UNSET
    """How many seconds were streamed."""
    dismissed_quest_content: DismissibleQuestContentFlags | Absent = UNSET
    progress: dict[str, QuestTaskProgress]
