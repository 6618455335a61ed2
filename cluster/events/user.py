"""The account itself: its user, settings and connections."""

from __future__ import annotations

from typing import Any

import msgspec

from cluster.events.base import UNSET, Absent, Dispatch, Payload, Snowflake, dispatch
from cluster.events.enums.settings import ReadStateType
from cluster.events.enums.users import ConnectionType, RequiredAction
from cluster.events.objects.connections import Connection
from cluster.events.objects.settings import NotificationSettings, UserGuildSettings, UserSettings
from cluster.events.objects.users import User
from cluster.events.objects.voice import AudioContextSetting
from cluster.events.objects.widgets import ApplicationProfile


@dispatch("USER_UPDATE", "User", listed=False)
class UserUpdate(Dispatch):
    """The account's own user was changed."""

    user: Payload[User]


@dispatch("USER_APPLICATION_UPDATE", "User")
class UserApplicationUpdate(Dispatch):
    """The account authorized an application, or changed what it may."""

    application_id: Snowflake


@dispatch("USER_APPLICATION_REMOVE", "User")
class UserApplicationRemove(Dispatch):
    """The account took an application's authorization back."""

    application_id: Snowflake


@dispatch("USER_APPLICATION_IDENTITY_UPDATE", "User", listed=False)
class UserApplicationIdentityUpdate(Dispatch):
    """What a game calls the account was changed."""

    profile: Payload[ApplicationProfile]


@dispatch("USER_APPLICATION_IDENTITY_REMOVE", "User", listed=False)
class UserApplicationIdentityRemove(Dispatch):
    """A game calls the account nothing any more."""

    user_id: Snowflake
    application_id: Snowflake


@dispatch("USER_CONNECTIONS_UPDATE", "User")
class UserConnectionsUpdate(Dispatch):
    """The account's connections to other services were changed: one of them, or only whose they
    are."""

    connection: Payload[Connection]
    user_id: Snowflake | Absent = UNSET
    """The user whose connections are all to be asked for again; the connection is empty then."""


@dispatch("USER_CONNECTIONS_CALLBACK", "User", listed=False, documented=False)
class UserConnectionsCallback(Dispatch):
    """The account came back from another service's page and is to be connected. With ``code`` and
    ``state``, which are ``callback_code`` and ``callback_state`` here, who has them can do so."""

    provider: ConnectionType | Absent = UNSET
    callback_code: str | Absent | None = msgspec.field(default=UNSET, name="code")
    callback_state: str | Absent | None = msgspec.field(default=UNSET, name="state")
    openid_params: dict[str, Any] | Absent | None = UNSET


@dispatch("USER_CONNECTIONS_LINK_CALLBACK", "User", listed=False, documented=False)
class UserConnectionsLinkCallback(Dispatch):
    """The account came back from another service's page, which was opened to link accounts."""

    provider: ConnectionType | Absent = UNSET
    callback_code: str | Absent | None = UNSET
    callback_state: str | Absent | None = UNSET


@dispatch("USER_MERGE_OPERATION_COMPLETED", "User")
class UserMergeOperationCompleted(Dispatch):
    """A provisional account was merged into this one."""

    merge_operation_id: Snowflake
    source_user_id: Snowflake


@dispatch("USER_NOTE_UPDATE", "User")
class UserNoteUpdate(Dispatch):
    """The account's note on somebody was changed."""

    id: Snowflake
    note: str


@dispatch("USER_REQUIRED_ACTION_UPDATE", "User")
class UserRequiredActionUpdate(Dispatch):
    """What the account must do before it may go on."""

    required_action: RequiredAction | None


@dispatch("USER_GUILD_SETTINGS_UPDATE", "User")
class UserGuildSettingsUpdate(Dispatch):
    """The account's settings for a guild were changed."""

    settings: Payload[UserGuildSettings]


@dispatch("USER_SETTINGS_UPDATE", "User")
class UserSettingsUpdate(Dispatch):
    """Settings of the account were changed: those only."""

    settings: Payload[UserSettings]


@dispatch("AUDIO_SETTINGS_UPDATE", "User", listed=False)
class AudioSettingsUpdate(Dispatch):
    """How loud somebody, or somebody's stream, is to the account: what was changed."""

    user: dict[Snowflake, AudioContextSetting]
    stream: dict[Snowflake, AudioContextSetting]


@dispatch("NOTIFICATION_SETTINGS_UPDATE", "User", listed=False)
class NotificationSettingsUpdate(Dispatch):
    """The account's notification settings were changed."""

    settings: Payload[NotificationSettings]


@dispatch("USER_NON_CHANNEL_ACK", "User", listed=False)
class UserNonChannelAck(Dispatch):
    """The account has seen something that is no channel: its notifications, say."""

    ack_type: ReadStateType
    resource_id: Snowflake
    entity_id: Snowflake
    version: int


@dispatch("USER_BADGE_STATE_UPDATE", "User", listed=False, documented=False)
class UserBadgeStateUpdate(Dispatch):
    """A badge of the account was changed; ask for it again."""

    badge_id: str | Absent = UNSET
