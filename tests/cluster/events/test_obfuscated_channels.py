"""A channel that a bot can't view, as Discord sends it, is typed."""

from __future__ import annotations

import json

from cluster.events import ChannelUpdate, decode
from cluster.events.enums.channels import ChannelFlags, ChannelType
from cluster.events.enums.guilds import Permissions

RECORDED = {
    "application_id": None,
    "available_tags": [],
    "default_reaction_emoji": None,
    "default_sort_order": None,
    "default_tag_setting": None,
    "flags": 131072,
    "game_id": None,
    "hd_streaming_buyer_id": None,
    "hd_streaming_until": None,
    "icon_emoji": None,
    "id": "1537921511132762214",
    "last_message_id": None,
    "last_pin_timestamp": None,
    "linked_lobby": None,
    "name": "___hidden___",
    "nsfw": False,
    "parent_id": "1537921509107171379",
    "permission_overwrites": [
        {"allow": "0", "deny": "1024", "id": "1477785298699030630", "type": 0}
    ],
    "position": 4,
    "rate_limit_per_user": 0,
    "rtc_region": None,
    "status": None,
    "theme_color": None,
    "topic": None,
    "type": 0,
    "version": 1786739461487,
    "voice_background_display": None,
    "voice_hangout": None,
}
"""From a recording of August 2026; the documentation has no sample."""


def test_an_obfuscated_channel_is_typed() -> None:
    d = RECORDED | {"guild_id": "1477785298699030630"}
    event = decode("CHANNEL_UPDATE", json.dumps(d).encode())
    assert isinstance(event, ChannelUpdate), event
    channel = event.channel
    assert channel.flags == ChannelFlags.OBFUSCATED
    assert (channel.id, channel.type, channel.position) == (
        1537921511132762214,
        ChannelType.GUILD_TEXT,
        4,
    )
    assert channel.parent_id == 1537921509107171379
    assert isinstance(channel.permission_overwrites, list)
    assert [one.deny for one in channel.permission_overwrites] == [Permissions.VIEW_CHANNEL]
    assert channel.default_tag_setting is None
