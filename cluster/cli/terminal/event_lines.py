"""Makes one line of an event, for people: when, which shard, name, guild, what it is about."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from rich.text import Text

WIDE: Final = 110
"""From so many columns on there is room for everything."""
NAME_WIDTH: Final = 22
MOST_CHARACTERS: Final = 300
"""Longest summary: a line stays a line also where no terminal cuts it."""


def line(name: str, shard_id: int, received_ns: int, data: Any, width: int | None) -> Text:
    """Return the line of an event, as "14:03:05.123  3  MESSAGE_CREATE  1081...  alice: hello".

    received_ns: when a worker received it, in Unix nanoseconds. data: its ``d``, decoded. width:
    the columns to cut the line to, and where they are few milliseconds and guild are left out;
    None: it is not cut.
    """
    received = datetime.fromtimestamp(received_ns / 1e9)
    narrow = width is not None and width < WIDE
    milliseconds = "" if narrow else f".{received.microsecond // 1000:03d}"
    text = Text.assemble(
        (f"{received:%H:%M:%S}{milliseconds}", "dim"),
        f" {shard_id:>3} ",
        (f"{name:<{NAME_WIDTH}} ", "bold cyan"),
        ("" if narrow else f"{_guild(name, data):<19} ", "dim"),
        summary(name, data),
        no_wrap=True,
    )
    if width is not None:
        text.truncate(width, overflow="ellipsis")
    return text


def _guild(name: str, data: Any) -> str:
    if not isinstance(data, dict):
        return "-"
    own = name in ("GUILD_CREATE", "GUILD_UPDATE", "GUILD_DELETE")
    value = data.get("id") if own else data.get("guild_id")
    return printable(str(value)) if value else "-"


def summary(name: str, data: Any) -> str:
    """Return what an event is about, in one line that may go to a terminal."""
    if isinstance(data, list):
        return f"{len(data)} items"
    if not isinstance(data, dict):
        return "" if data is None else printable(str(data))[:MOST_CHARACTERS]
    about = next((make for start, make in SUMMARIES if name.startswith(start)), _by_fields)
    return printable(about(data))[:MOST_CHARACTERS]


def printable(text: str) -> str:
    """Return the text without control characters: what people write in a chat must not steer a
    terminal."""
    return "".join(c if c.isprintable() else " " for c in text)


def _map(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _user(data: dict[str, Any]) -> str:
    """Return the name of the user that an event is about; the documentation puts a user at several
    places."""
    for user in (_map(data.get("user")), _map(_map(data.get("member")).get("user"))):
        if who := user.get("username") or user.get("id"):
            return str(who)
    return str(data.get("user_id") or "somebody")


def _message(data: dict[str, Any]) -> str:
    author = _map(data.get("author")).get("username") or "somebody"
    return f"{author}: {data.get('content') or _instead_of_content(data)}"


def _instead_of_content(data: dict[str, Any]) -> str:
    for key in ("attachments", "embeds", "sticker_items", "components"):
        if things := _list(data.get(key)):
            return f"({len(things)} {key.replace('_', ' ')})"
    return "(no content)"


def _reaction(data: dict[str, Any]) -> str:
    emoji = _map(data.get("emoji")).get("name") or ""
    return f"{_user(data)} {emoji} on message {data.get('message_id')}"


def _presence(data: dict[str, Any]) -> str:
    playing = [str(_map(one).get("name")) for one in _list(data.get("activities"))]
    return f"{_user(data)} is {data.get('status')}{', ' if playing else ''}{', '.join(playing)}"


def _guild_itself(data: dict[str, Any]) -> str:
    if data.get("unavailable"):
        return "unavailable"
    members = data.get("member_count")
    return f"{data.get('name') or 'gone'}" + (f", {members} members" if members else "")


def _by_fields(data: dict[str, Any]) -> str:
    """Return the summary of an event that has none of its own: a name if it has one, whoever did
    it, and the ids."""
    parts = [str(data["name"])] if isinstance(data.get("name"), str) else []
    if {"user", "member", "user_id"} & data.keys():
        parts.append(_user(data))
    role = _map(data.get("role")).get("name")
    parts += [f"role {role}"] if role else []
    parts += [
        f"{key.removesuffix('_id')} {data[key]}"
        for key in ("channel_id", "message_id", "id")
        if data.get(key)
    ]
    return "  ".join(parts)


SUMMARIES: Final[tuple[tuple[str, Callable[[dict[str, Any]], str]], ...]] = (
    ("MESSAGE_CREATE", _message),
    ("MESSAGE_UPDATE", _message),
    ("MESSAGE_REACTION_REMOVE_", _by_fields),
    ("MESSAGE_REACTION", _reaction),
    ("TYPING_START", lambda d: f"{_user(d)} in channel {d.get('channel_id')}"),
    ("PRESENCE_UPDATE", _presence),
    ("GUILD_CREATE", _guild_itself),
    ("GUILD_UPDATE", _guild_itself),
    ("GUILD_DELETE", _guild_itself),
    ("READY", lambda d: f"as {_user(d)}, {len(_list(d.get('guilds')))} guilds"),
)
"""Prefixes of event names, and what makes the summary of such an event; the first that fits."""
