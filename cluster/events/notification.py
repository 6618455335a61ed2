"""The notification center."""

from __future__ import annotations

from cluster.events.base import UNSET, Absent, Dispatch, Payload, Snowflake, dispatch
from cluster.events.enums.settings import NotificationCenterItemEnum
from cluster.events.objects.notifications import NotificationCenterItem


@dispatch("NOTIFICATION_CENTER_ITEM_CREATE", "Notification Center", listed=False)
class NotificationCenterItemCreate(Dispatch):
    """A notification."""

    item: Payload[NotificationCenterItem]


@dispatch("NOTIFICATION_CENTER_ITEM_DELETE", "Notification Center", listed=False)
class NotificationCenterItemDelete(Dispatch):
    """A notification was removed."""

    id: Snowflake
    user_id: Snowflake


@dispatch("NOTIFICATION_CENTER_ITEMS_ACK", "Notification Center", listed=False)
class NotificationCenterItemsAck(Dispatch):
    """Notifications were seen."""

    id: Snowflake


@dispatch("NOTIFICATION_CENTER_ITEM_COMPLETED", "Notification Center", listed=False)
class NotificationCenterItemCompleted(Dispatch):
    """What a notification asked for was done."""

    item_enum: NotificationCenterItemEnum


@dispatch("GENERIC_PUSH_NOTIFICATION_SENT", "Notification Center", listed=False)
class GenericPushNotificationSent(Dispatch):
    """A notification was pushed to the account's devices."""

    title: str | Absent | None = UNSET
    body: str | Absent | None = UNSET
    tracking_type: str | Absent | None = UNSET
    icon: str | Absent | None = UNSET
    """URL of a picture."""
    route: str | Absent | None = UNSET
    """Page of the client that the notification opens."""
    tag: str | Absent | None = UNSET
    """A later notification with the same tag takes the place of this one."""


@dispatch(
    "MESSAGE_REQUEST_NOTIFICATION_SENT", "Notification Center", listed=False, documented=False
)
class MessageRequestNotificationSent(Dispatch):
    """A stranger wrote to the account: what its notification says."""

    triggering_user_id: Snowflake | Absent = UNSET
    num_mutual_guilds: int | Absent = UNSET
    """How many guilds both are in."""
