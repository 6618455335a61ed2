"""Components of messages and forms."""

from __future__ import annotations

from cluster.events.base import UNSET, Absent, Object, Snowflake
from cluster.events.enums.channels import ChannelType
from cluster.events.enums.messages import (
    AttachmentFlags,
    ComponentType,
    UnfurledMediaItemLoadingState,
)
from cluster.events.objects.embeds import ContentScanMetadata
from cluster.events.objects.expressions import Emoji
from cluster.events.objects.feed import CheckpointData, ContentInventoryEntry


class UnfurledMediaItem(Object):
    """A file of a component."""

    id: Snowflake | Absent = UNSET
    url: str
    proxy_url: str | Absent = UNSET
    height: int | Absent | None = UNSET
    width: int | Absent | None = UNSET
    flags: AttachmentFlags | Absent = UNSET
    content_type: str | Absent = UNSET
    content_scan_metadata: ContentScanMetadata | Absent = UNSET
    placeholder_version: int | Absent = UNSET
    placeholder: str | Absent = UNSET
    loading_state: UnfurledMediaItemLoadingState | Absent = UNSET
    attachment_id: Snowflake | Absent = UNSET


class SelectOption(Object):
    """What can be chosen."""

    label: str
    value: str
    description: str | Absent = UNSET
    emoji: Emoji | Absent = UNSET
    default: bool | Absent = UNSET


class SelectDefault(Object):
    """Who or what is chosen already."""

    id: Snowflake
    type: str
    """What is chosen: "user", "role" or "channel"."""


class MediaGalleryItem(Object):
    """A picture or video of a gallery."""

    media: UnfurledMediaItem
    description: str | Absent | None = UNSET
    spoiler: bool | Absent = UNSET


class Component(Object):
    """A component of any kind. Which fields are there depends on ``type``; kinds that came later
    have fields that are not here, and are found in ``event.data``."""

    type: ComponentType
    id: int | Absent = UNSET
    custom_id: str | Absent = UNSET
    components: list[Component] | Absent = UNSET
    """The components in a row, section or container."""
    component: Component | Absent = UNSET
    """The component under a label."""
    accessory: Component | Absent = UNSET
    """The component beside a section."""
    style: int | Absent = UNSET
    """A button has a `ButtonStyle`; a text input 1 for a line, 2 for a paragraph."""
    label: str | Absent | None = UNSET
    emoji: Emoji | Absent = UNSET
    url: str | Absent = UNSET
    sku_id: Snowflake | Absent = UNSET
    disabled: bool | Absent = UNSET
    options: list[SelectOption] | Absent = UNSET
    channel_types: list[ChannelType] | Absent = UNSET
    default_values: list[SelectDefault] | Absent = UNSET
    placeholder: str | Absent | None = UNSET
    min_values: int | Absent = UNSET
    max_values: int | Absent = UNSET
    min_length: int | Absent = UNSET
    max_length: int | Absent = UNSET
    required: bool | Absent = UNSET
    value: str | bool | Absent | None = UNSET
    values: list[str] | Absent = UNSET
    """What was chosen or written, in an interaction."""
    content: str | Absent = UNSET
    description: str | Absent | None = UNSET
    media: UnfurledMediaItem | Absent = UNSET
    items: list[MediaGalleryItem] | Absent = UNSET
    file: UnfurledMediaItem | Absent = UNSET
    name: str | Absent = UNSET
    size: int | Absent = UNSET
    """Size of the file in bytes."""
    spoiler: bool | Absent = UNSET
    divider: bool | Absent = UNSET
    spacing: int | Absent = UNSET
    content_inventory_entry: ContentInventoryEntry | Absent = UNSET
    """The entry of an activity feed."""
    checkpoint_data: CheckpointData | Absent = UNSET
    """The account's year on Discord."""
    accent_color: int | Absent | None = UNSET
    """Colour of a container's edge: 0xRRGGBB."""
