"""Enumerations and flags of presences."""

from __future__ import annotations

from cluster.events.enums.base import Flags, OpenInt, OpenStr


class ActivityActionType(OpenInt):
    """Of `MessageActivity.type`."""

    JOIN = 1
    SPECTATE = 2
    LISTEN = 3
    WATCH = 4
    JOIN_REQUEST = 5


class ActivityFlags(Flags):
    """Of `Activity.flags`."""

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
    """Of `Activity.type`."""

    PLAYING = 0
    STREAMING = 1
    LISTENING = 2
    WATCHING = 3
    CUSTOM = 4
    COMPETING = 5
    HANG = 6


class ClientType(OpenStr):
    """Of `ClientInfo.client`."""

    DESKTOP = "desktop"
    WEB = "web"
    MOBILE = "mobile"
    VR = "vr"
    UNKNOWN = "unknown"


class OperatingSystemType(OpenStr):
    """Of `ApplicationExecutable.os`, `ClientInfo.os`."""

    WINDOWS = "windows"
    OSX = "osx"
    LINUX = "linux"
    ANDROID = "android"
    IOS = "ios"
    PLAYSTATION = "playstation"
    XBOX = "xbox"
    UNKNOWN = "unknown"


class PresencePlatform(OpenStr):
    """Of `Activity.platform`, `Activity.supported_platforms`."""

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
    """Of `ClientStatus.desktop`, `ClientStatus.mobile`, `ClientStatus.web`."""

    ONLINE = "online"
    IDLE = "idle"
    DND = "dnd"
    INVISIBLE = "invisible"
    OFFLINE = "offline"
    UNKNOWN = "unknown"


class StatusDisplayType(OpenInt):
    """Of `Activity.status_display_type`."""

    NAME = 0
    STATE = 1
    DETAILS = 2
