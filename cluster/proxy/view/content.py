"""What of an event a session without MESSAGE_CONTENT gets.

Source: Discord's documentation, "Gateway", "Message Content Intent": the content, embeds,
attachments, components and poll of a message are empty, but of messages that the bot has sent, that
are direct, or that mention the bot. "Gateway Events", "Auto Moderation Action Execution": so are
the content that was caught and what of it has matched.
"""

from __future__ import annotations

from typing import Final

import msgspec

from cluster.decode_errors import MALFORMED

_EMPTY: Final = {
    "content": msgspec.Raw(b'""'),
    "embeds": msgspec.Raw(b"[]"),
    "attachments": msgspec.Raw(b"[]"),
    "components": msgspec.Raw(b"[]"),
}
_EMPTY_CAUGHT: Final = {"content": msgspec.Raw(b'""'), "matched_content": msgspec.Raw(b'""')}
_NULL: Final = msgspec.Raw(b"null")
_DEEPEST: Final = 4
"""Messages within messages that are looked into; what is deeper is left out."""


class _User(msgspec.Struct):
    id: str = ""


class _Concerns(msgspec.Struct):
    """What of a message says whether it concerns the bot."""

    author: _User | None = None
    mentions: list[_User] | None = None


_Fields = dict[str, msgspec.Raw]
_concerns = msgspec.json.Decoder(_Concerns)
_fields = msgspec.json.Decoder(_Fields)
_snapshots = msgspec.json.Decoder(list[_Fields])
_encode = msgspec.json.Encoder().encode


def without_content(name: str, data: bytes, own_id: str) -> bytes:
    """Return ``d`` of a message of a guild, or of what auto moderation has done, without content;
    the same object where there is nothing to hide. own_id: the bot's user id. What can't be read
    is hidden whole: b""."""
    try:
        if name == "AUTO_MODERATION_ACTION_EXECUTION":
            return _encode(_emptied(_fields.decode(data), _EMPTY_CAUGHT))
        if _is_open(data, own_id):
            return data
        return _encode(_message(_fields.decode(data), own_id, _DEEPEST))
    except MALFORMED:
        return b""


def _is_open(message: bytes, own_id: str) -> bool:
    """Return whether the bot has sent a message, or is mentioned in it."""
    if own_id.encode() not in message:
        return False
    found = _concerns.decode(message)
    if found.author is not None and found.author.id == own_id:
        return True
    return any(user.id == own_id for user in found.mentions or ())


def _emptied(fields: _Fields, empty: _Fields) -> _Fields:
    for field, value in empty.items():
        if field in fields:
            fields[field] = value
    return fields


def _message(fields: _Fields, own_id: str, depth: int) -> _Fields:
    """Empty a message, and those in it, each of which concerns the bot or not by itself."""
    _emptied(fields, _EMPTY)
    fields.pop("poll", None)
    if (answered := fields.get("referenced_message")) is not None:
        fields["referenced_message"] = _nested(answered, own_id, depth - 1)
    if (raw := fields.get("message_snapshots")) is not None:
        fields["message_snapshots"] = _forwarded(raw, own_id, depth - 1)
    return fields


def _forwarded(raw: msgspec.Raw, own_id: str, depth: int) -> msgspec.Raw:
    """Empty the messages that a message forwards ("Message Resource", "Message Snapshot")."""
    if bytes(raw)[:1] != b"[":
        return _NULL
    snapshots = _snapshots.decode(raw)
    for snapshot in snapshots:
        if (said := snapshot.get("message")) is not None:
            snapshot["message"] = _nested(said, own_id, depth)
    return msgspec.Raw(_encode(snapshots))


def _nested(raw: msgspec.Raw, own_id: str, depth: int) -> msgspec.Raw:
    text = bytes(raw)
    if text[:1] != b"{" or not depth:
        return _NULL
    if _is_open(text, own_id):
        return raw
    return msgspec.Raw(_encode(_message(_fields.decode(raw), own_id, depth)))
