"""Files of messages, and reactions to them."""

from __future__ import annotations

from datetime import datetime

from cluster.events.base import UNSET, Absent, Object, Snowflake
from cluster.events.enums.messages import AttachmentFlags
from cluster.events.objects.expressions import Emoji
from cluster.events.objects.products import Application
from cluster.events.objects.users import User


class Attachment(Object):
    """A file of a message."""

    id: Snowflake
    filename: str
    title: str | Absent = UNSET
    uploaded_filename: str | Absent = UNSET
    description: str | Absent = UNSET
    content_type: str | Absent = UNSET
    size: int
    """Size of the file in bytes."""
    url: str | Absent = UNSET
    proxy_url: str | Absent = UNSET
    height: int | Absent | None = UNSET
    width: int | Absent | None = UNSET
    content_scan_version: int | Absent = UNSET
    placeholder_version: int | Absent = UNSET
    placeholder: str | Absent = UNSET
    ephemeral: bool | Absent = UNSET
    duration_secs: float | Absent = UNSET
    """Length of a voice message in seconds."""
    waveform: str | Absent = UNSET
    flags: AttachmentFlags | Absent = UNSET
    is_clip: bool | Absent = UNSET
    is_thumbnail: bool | Absent = UNSET
    is_remix: bool | Absent = UNSET
    is_spoiler: bool | Absent = UNSET
    clip_created_at: datetime | Absent = UNSET
    clip_participant_ids: list[Snowflake] | Absent = UNSET
    clip_participants: list[User] | Absent = UNSET
    application_id: Snowflake | Absent = UNSET
    application: Application | Absent | None = UNSET


class ReactionCountDetails(Object):
    """Reactions by type."""

    normal: int
    burst: int


class Reaction(Object):
    """How many reacted with an emoji."""

    count: int
    count_details: ReactionCountDetails | Absent = UNSET
    me: bool
    me_burst: bool | Absent = UNSET
    emoji: Emoji
    burst_colors: list[str] | Absent = UNSET


class DebouncedReaction(Object):
    """Who reacted with an emoji."""

    users: list[Snowflake]
    emoji: Emoji


class DebouncedVote(Object):
    """Who voted for an answer."""

    answer_id: int
    users: list[Snowflake] | Absent = UNSET
