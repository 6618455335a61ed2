"""Message objects and what they hold; the hot path writes bytes (traffic/messages.py).

A message is made of a head and of what was said (content, embeds, attachments, components, poll):
the second is what the Message Content intent is about.

Source: Discord's documentation, "Message Resource", "Poll Resource", "Components".
"""

from __future__ import annotations

from typing import Any

from msgspec import Raw

Json = dict[str, Any]


def head(message_id: int, channel_id: int, author: Json | Raw, sent_at: str) -> Json:
    """A message of type 0 (default) but for what was said; the author may be encoded already."""
    return {
        "id": str(message_id),
        "channel_id": str(channel_id),
        "author": author,
        "timestamp": sent_at,
        "edited_timestamp": None,
        "tts": False,
        "mention_everyone": False,
        "mentions": [],
        "mention_roles": [],
        "mention_channels": [],
        "pinned": False,
        "type": 0,
        "flags": 0,
        "sticker_items": [],
    }


def said(content: str) -> Json:
    """The rest of a message."""
    return {"content": content, "embeds": [], "components": [], "attachments": []}


def message(message_id: int, channel_id: int, author: Json, content: str, sent_at: str) -> Json:
    """A whole message without the fields that only the gateway adds."""
    return head(message_id, channel_id, author, sent_at) | said(content)


def attachment(attachment_id: int, channel_id: int) -> Json:
    """A picture."""
    url = f"https://cdn.example.com/attachments/{channel_id}/{attachment_id}/picture.png"
    return {
        "id": str(attachment_id),
        "filename": "picture.png",
        "title": "picture",
        "description": "A picture.",
        "content_type": "image/png",
        "size": 4096,
        "url": url,
        "proxy_url": url.replace("cdn", "media"),
        "height": 64,
        "width": 64,
        "placeholder": "FggGA4B4d3aHiHd4eId4iHh4",
        "placeholder_version": 1,
        "flags": 0,
    }


def embed(moment: str) -> Json:
    """An embed with each of its parts."""
    return {
        "type": "rich",
        "title": "A page",
        "description": "About something.",
        "url": "https://example.com/page",
        "timestamp": moment,
        "color": 0x5865F2,
        "footer": {"text": "a footer"},
        "author": {"name": "somebody", "url": "https://example.com"},
        "provider": {"name": "example", "url": "https://example.com"},
        "fields": [{"name": "one", "value": "1", "inline": True}],
    }


def button_row(component_id: int) -> Json:
    """An action row with one button."""
    button = {
        "type": 2,
        "id": 2,
        "style": 1,
        "label": "press",
        "custom_id": f"press:{component_id}",
        "disabled": False,
    }
    return {"type": 1, "id": 1, "components": [button]}


def poll(expiry: str) -> Json:
    """A poll with two answers (1 and 2) and no votes."""
    return {
        "question": {"text": "Which one?"},
        "answers": [
            {"answer_id": 1, "poll_media": {"text": "this"}},
            {"answer_id": 2, "poll_media": {"text": "that"}},
        ],
        "expiry": expiry,
        "allow_multiselect": True,
        "layout_type": 1,
        "results": {"is_finalized": False, "answer_counts": []},
    }
