"""Message, reaction and poll objects as dicts; the hot path writes bytes (traffic/messages.py).

Source: Discord's documentation, "Message Resource".
"""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]


def message(message_id: int, channel_id: int, author: Json, content: str, at: str) -> Json:
    """A message of type 0 (default) without the fields that only the gateway adds."""
    return {
        "id": str(message_id),
        "channel_id": str(channel_id),
        "author": author,
        "content": content,
        "timestamp": at,
        "edited_timestamp": None,
        "tts": False,
        "mention_everyone": False,
        "mentions": [],
        "mention_roles": [],
        "mention_channels": [],
        "attachments": [],
        "embeds": [],
        "pinned": False,
        "type": 0,
        "flags": 0,
        "components": [],
        "sticker_items": [],
    }
