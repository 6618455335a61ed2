"""Quests."""

from __future__ import annotations

from datetime import datetime

from cluster.events.base import UNSET, Absent, Dispatch, Snowflake, dispatch
from cluster.events.objects.quests import QuestUserStatus


@dispatch("QUESTS_USER_STATUS_UPDATE", "Quests", listed=False)
class QuestsUserStatusUpdate(Dispatch):
    """How far the account is with a quest."""

    user_status: QuestUserStatus


@dispatch("QUESTS_USER_COMPLETION_UPDATE", "Quests", listed=False)
class QuestsUserCompletionUpdate(Dispatch):
    """Until when the account can take no quest."""

    quest_enrollment_blocked_until: datetime | None


@dispatch("QUEST_PREVIEW_UPDATE", "Quests", listed=False, documented=False)
class QuestPreviewUpdate(Dispatch):
    """A quest that is not public yet was changed; ask for it again."""

    quest_id: Snowflake | Absent = UNSET
