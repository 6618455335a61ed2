"""Embeds."""

from __future__ import annotations

from datetime import datetime

from cluster.events.base import UNSET, Absent, Object, Snowflake
from cluster.events.enums.messages import AttachmentFlags, ContentScanFlags, EmbedFlags, EmbedType


class ContentScanMetadata(Object):
    """What a look for explicit content found."""

    flags: ContentScanFlags
    version: int


class EmbedMedia(Object):
    """A picture or video of an embed."""

    url: str
    proxy_url: str | Absent = UNSET
    height: int | Absent = UNSET
    width: int | Absent = UNSET
    flags: AttachmentFlags | Absent = UNSET
    description: str | Absent = UNSET
    content_type: str | Absent = UNSET
    content_scan_metadata: ContentScanMetadata | Absent = UNSET
    placeholder_version: int | Absent = UNSET
    placeholder: str | Absent = UNSET


class EmbedProvider(Object):
    """The site."""

    name: str | Absent = UNSET
    url: str | Absent = UNSET


class EmbedAuthor(Object):
    """The line at the top."""

    name: str
    url: str | Absent = UNSET
    icon_url: str | Absent = UNSET
    proxy_icon_url: str | Absent = UNSET


class EmbedFooter(Object):
    """The line at the bottom."""

    text: str
    icon_url: str | Absent = UNSET
    proxy_icon_url: str | Absent = UNSET


class EmbedField(Object):
    """A name with a value."""

    name: str
    value: str
    inline: bool | Absent = UNSET


class Embed(Object):
    """A box under a message: of a link, or made by a bot."""

    title: str | Absent = UNSET
    type: EmbedType | Absent = UNSET
    description: str | Absent = UNSET
    url: str | Absent = UNSET
    timestamp: datetime | Absent = UNSET
    color: int | Absent = UNSET
    """Colour of the embed's edge: 0xRRGGBB."""
    footer: EmbedFooter | Absent = UNSET
    image: EmbedMedia | Absent = UNSET
    thumbnail: EmbedMedia | Absent = UNSET
    video: EmbedMedia | Absent = UNSET
    provider: EmbedProvider | Absent = UNSET
    author: EmbedAuthor | Absent = UNSET
    fields: list[EmbedField] | Absent = UNSET
    reference_id: Snowflake | Absent = UNSET
    content_scan_version: int | Absent = UNSET
    flags: EmbedFlags | Absent = UNSET
