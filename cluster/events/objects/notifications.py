"""The notification center."""

from __future__ import annotations

from cluster.events.base import UNSET, Absent, Object, Snowflake
from cluster.events.enums.settings import NotificationCenterItemEnum, NotificationCenterItemType
from cluster.events.objects.messages import Message
from cluster.events.objects.products import Application
from cluster.events.objects.users import User


class NotificationCenterItem(Object):
    """A notification."""

    id: Snowflake
    bundle_id: str
    type: NotificationCenterItemType
    item_enum: NotificationCenterItemEnum | None
    body: str
    acked: bool
    deeplink: str
    icon_url: str | Absent | None = UNSET
    icon_name: str | Absent | None = UNSET
    other_user: User | Absent | None = UNSET
    message: Message | Absent | None = UNSET
    completed: bool
    guild_id: Snowflake | Absent | None = UNSET
    message_id: Snowflake | Absent | None = UNSET
    message_channel_id: Snowflake | Absent | None = UNSET
    guild_scheduled_event_id: Snowflake | Absent | None = UNSET
    disable_action: bool | Absent = UNSET
    callout: str | Absent | None = UNSET
    application: Application | Absent | None = UNSET
    emoji_id: Snowflake | Absent | None = UNSET
    emoji_name: str | Absent | None = UNSET
    message_content: str | Absent | None = UNSET
    message_embed_count: int | Absent | None = UNSET
    message_attachment_count: int | Absent | None = UNSET
    message_sticker_count: int | Absent | None = UNSET
    is_voice_message: bool | Absent = UNSET
