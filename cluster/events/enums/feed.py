"""Enumerations of activity feeds and of a year's review."""

from __future__ import annotations

from cluster.events.enums.base import OpenInt


class CheckpointCardType(OpenInt):
    """The picture of a year's review (`CheckpointData.card_id`)."""

    PLANT = 0
    DONUT = 1
    DOG_IN_SWIM_RING = 2
    DISCO_BALL = 3
    ORIGAMI_PAPER_CRANE = 4
    SNAIL = 5
    DUCK_WITH_SUNGLASSES = 6
    BANANA = 7
    CAT = 8
    CARTRIDGE = 9


class ContentInventoryAuthorType(OpenInt):
    """Who is behind an entry (`ContentInventoryEntry.author_type`)."""

    AUTHOR_TYPE_UNSPECIFIED = 0
    USER = 1


class ContentInventoryContentType(OpenInt):
    """What an entry is about (`ContentInventoryEntry.content_type`)."""

    CONTENT_TYPE_UNSPECIFIED = 0
    PLAYED_GAME = 1
    WATCHED_MEDIA = 2
    TOP_GAME = 3
    LISTENED_MEDIA = 4
    LISTENED_SESSION = 5
    TOP_ARTIST = 6
    CUSTOM_STATUS = 7
    LAUNCHED_ACTIVITY = 8
    LEADERBOARD = 9


class ContentInventoryPlatform(OpenInt):
    """Where a game was played (`ContentInventoryMetadata.platform`)."""

    DESKTOP = 0
    XBOX = 1
    PLAYSTATION = 2
    IOS = 3
    ANDROID = 4
    NINTENDO = 5
    LINUX = 6
    MACOS = 7


class ContentInventoryTraitType(OpenInt):
    """What is said of an entry (`ContentInventoryTrait.type`)."""

    TRAIT_TYPE_UNSPECIFIED = 0
    FIRST_TIME = 1
    DURATION_SECONDS = 2
    IS_LIVE = 3
    AGGREGATE_RANGE = 4
    RESURRECTED = 5
    MARATHON = 6
    NEW_RELEASE = 7
    STREAK_DAYS = 8
    TRENDING_CONTENT = 9
    TOP_ITEM_TOTAL_COUNT = 10
    TOP_PARENT_ITEM_TOTAL_COUNT = 11
    AGGREGATE_COUNT = 12
