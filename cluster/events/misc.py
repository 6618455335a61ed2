"""What is left."""

from __future__ import annotations

from cluster.events.base import UNSET, Absent, Dispatch, Snowflake, dispatch
from cluster.events.objects.settings import UserSettingsProto


@dispatch("CONTENT_INVENTORY_INBOX_STALE", "Misc")
class ContentInventoryInboxStale(Dispatch):
    """The account's activity feed is out of date; ask for it again."""

    refresh_after_ms: int | Absent = UNSET
    """Milliseconds until the feed may be asked for."""


@dispatch("USER_SETTINGS_PROTO_UPDATE", "Misc")
class UserSettingsProtoUpdate(Dispatch):
    """Settings of the account were changed (protobuf)."""

    settings: UserSettingsProto
    partial: bool


@dispatch("CLIPS_REMOTE_TRIGGER", "Misc", listed=False, documented=False)
class ClipsRemoteTrigger(Dispatch):
    """Somebody in the account's party made a clip; the client may make one of the same moment."""

    user_id: Snowflake | Absent = UNSET
    application_id: Snowflake | Absent = UNSET
    party_id: str | Absent | None = UNSET
    remote_clip_id: str | Absent = UNSET
