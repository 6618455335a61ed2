"""What the components of an activity feed and of a year's review show.

Source: the unofficial documentation, "Components": Content Inventory Entry, Checkpoint Card.
"""

from __future__ import annotations

from datetime import datetime

from cluster.events.base import UNSET, Absent, Object, Snowflake
from cluster.events.enums.feed import (
    CheckpointCardType,
    ContentInventoryAuthorType,
    ContentInventoryContentType,
    ContentInventoryPlatform,
    ContentInventoryTraitType,
)


class ContentInventoryTrait(Object):
    """One thing that is said of an entry. Which field is there depends on ``type``."""

    type: ContentInventoryTraitType
    first_time: bool | Absent = UNSET
    duration_seconds: int | Absent = UNSET
    is_live: bool | Absent = UNSET
    range: int | Absent = UNSET
    """1: the last seven days."""
    resurrected_last_played: datetime | Absent = UNSET
    marathon: bool | Absent = UNSET
    streak_count_days: int | Absent = UNSET
    trending: int | Absent = UNSET
    """1: everywhere."""
    count: int | Absent = UNSET


class ContentInventoryArtist(Object):
    """Somebody whose music was heard."""

    external_id: str
    """Id of the artist at the provider."""
    name: str


class ContentInventoryMetadataEntry(Object):
    """A piece that was heard, of several."""

    media: ContentInventoryMetadata | Absent = UNSET
    verification_state: int | Absent = UNSET
    repeat_count: int | Absent = UNSET


class ContentInventoryMetadata(Object):
    """The game, media or activity of an entry. Which fields are there depends on ``type``."""

    type: str
    game_name: str | Absent = UNSET
    application_id: Snowflake | Absent = UNSET
    platform: ContentInventoryPlatform | Absent = UNSET
    last_update: datetime | Absent = UNSET
    entries: list[ContentInventoryMetadataEntry] | Absent = UNSET
    media: ContentInventoryMetadataEntry | Absent = UNSET
    provider: int | Absent = UNSET
    """1: Spotify."""
    media_type: int | Absent = UNSET
    """0: an artist of a guild's; 1: a track."""
    parent_title: str | Absent = UNSET
    title: str | Absent = UNSET
    image_url: str | Absent = UNSET
    artist: ContentInventoryArtist | Absent = UNSET
    artists: list[ContentInventoryArtist] | Absent = UNSET
    external_id: str | Absent = UNSET
    external_parent_id: str | Absent = UNSET
    media_assets_large_image: str | Absent = UNSET
    media_assets_large_text: str | Absent = UNSET
    media_assets_small_image: str | Absent = UNSET
    media_assets_small_text: str | Absent = UNSET
    media_title: str | Absent = UNSET
    media_subtitle: str | Absent = UNSET
    url: str | Absent = UNSET
    activity_name: str | Absent = UNSET


class ContentInventorySignature(Object):
    """By which Discord knows an entry as its own."""

    signature: str
    kid: str
    """Id of the key."""
    version: int


class ContentInventoryEntry(Object):
    """An entry of an activity feed: what somebody played, watched or listened to."""

    id: str
    author_id: Snowflake
    author_type: ContentInventoryAuthorType
    content_type: ContentInventoryContentType
    traits: list[ContentInventoryTrait]
    extra: ContentInventoryMetadata
    participants: list[Snowflake] | Absent = UNSET
    expires_at: datetime | Absent = UNSET
    ended_at: datetime | Absent = UNSET
    started_at: datetime | Absent = UNSET
    original_id: Snowflake | Absent = UNSET
    guild_id: Snowflake | Absent = UNSET
    channel_id: Snowflake | Absent = UNSET
    session_id: str | Absent = UNSET
    signature: ContentInventorySignature


class CheckpointGuild(Object):
    """The guild that the account was in most."""

    guild_id: Snowflake
    guild_name: str
    guild_icon: str | None


class CheckpointEmoji(Object):
    """The emoji that the account used most."""

    emoji_id: Snowflake | None
    emoji_name: str


class CheckpointGame(Object):
    """The game that the account played most."""

    application_id: Snowflake
    application_name: str
    application_image_id: str | None


class CheckpointData(Object):
    """The account's year on Discord."""

    version: int
    card_id: CheckpointCardType
    power_level: float
    power_level_percentile: float
    num_messages_sent: int
    total_voice_minutes: float
    """Time in voice. The documentation says seconds, the field's name minutes."""
    num_emojis_sent: int
    top_guild: CheckpointGuild | Absent = UNSET
    top_emoji: CheckpointEmoji | Absent = UNSET
    top_game: CheckpointGame | Absent = UNSET
