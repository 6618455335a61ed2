"""Enumerations and flags of presences."""

from __future__ import annotations

from cluster.events.enums.base import Flags, OpenInt, OpenStr


class ActivityActionType(OpenInt):
    """What a message with an activity invites to (`MessageActivity.type`)."""

    JOIN = 1
    SPECTATE = 2
    LISTEN = 3
    WATCH = 4
    JOIN_REQUEST = 5


class ActivityFlags(Flags):
    """What can be done with an activity (`Activity.flags`)."""

    INSTANCE = 1 << 0
    JOIN = 1 << 1
    SPECTATE = 1 << 2
    JOIN_REQUEST = 1 << 3
    SYNC = 1 << 4
    PLAY = 1 << 5
    PARTY_PRIVACY_FRIENDS = 1 << 6
    PARTY_PRIVACY_VOICE_CHANNEL = 1 << 7
    EMBEDDED = 1 << 8
    CONTEXTLESS = 1 << 9


class ActivityType(OpenInt):
    """What a user does: plays, streams, listens ... (`Activity.type`)."""

    PLAYING = 0
    STREAMING = 1
    LISTENING = 2
    WATCHING = 3
    CUSTOM = 4
    COMPETING = 5
    HANG = 6


class ClientType(OpenStr):
    """The kind of client that a session runs on (`ClientInfo.client`)."""

    DESKTOP = "desktop"
    WEB = "web"
    MOBILE = "mobile"
    VR = "vr"
    UNKNOWN = "unknown"


class OperatingSystemType(OpenStr):
    """An operating system (`ApplicationExecutable.os` and `ClientInfo.os`)."""

    WINDOWS = "windows"
    OSX = "osx"
    LINUX = "linux"
    ANDROID = "android"
    IOS = "ios"
    PLAYSTATION = "playstation"
    XBOX = "xbox"
    UNKNOWN = "unknown"


class PresencePlatform(OpenStr):
    """The platform that an activity runs on (`Activity.platform` and
    `Activity.supported_platforms`)."""

    DESKTOP = "desktop"
    XBOX = "xbox"
    SAMSUNG = "samsung"
    IOS = "ios"
    ANDROID = "android"
    EMBEDDED = "embedded"
    PS4 = "ps4"
    PS5 = "ps5"
    META_QUEST = "meta_quest"


class Status(OpenStr):
    """Whether a user is online (`ClientStatus.desktop`, `ClientStatus.mobile` and
    `ClientStatus.web`)."""

    ONLINE = "online"
    IDLE = "idle"
    DND = "dnd"
    INVISIBLE = "invisible"
    OFFLINE = "offline"
    UNKNOWN = "unknown"


class StatusDisplayType(OpenInt):
    """Which text of an activity is shown in the list of members
    (`Activity.status_display_type`)."""

    NAME = 0
    STATE = 1
    DETAILS = 2
