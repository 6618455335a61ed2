"""Presences: a pool of encoded ones that the traffic draws from.

Source: Discord's documentation, "Gateway Events", "Presence Update Event Fields" and "Activity".
"""

from __future__ import annotations

import random
from typing import Any, Final

from cluster.sandbox.world.state import OFFLINE, encode

_GAMES: Final = ("Chess", "Go", "Minesweeper", "Tetris", "Nethack", "Pong")
_CREATED_MS: Final = 1_735_689_600_000


def _activity(draw: random.Random, number: int) -> dict[str, Any]:
    kind = draw.choice((0, 0, 2, 4))
    if kind == 4:
        return {
            "id": "custom",
            "name": "Custom Status",
            "type": 4,
            "created_at": _CREATED_MS + number,
            "state": draw.choice(("reading", "auf Reisen", "busy")),
            "emoji": {"name": "\N{OPEN BOOK}"},
        }
    made: dict[str, Any] = {
        "id": f"{draw.getrandbits(64):x}",
        "name": draw.choice(_GAMES) if kind == 0 else "Spotify",
        "type": kind,
        "created_at": _CREATED_MS + number,
        "details": "Opening" if kind == 0 else "Nocturne No. 2",
        "state": "move 12" if kind == 0 else "Chopin",
        "timestamps": {"start": _CREATED_MS - 60_000},
        "flags": 0,
    }
    if kind == 0:
        made["application_id"] = str(1 << 58 | draw.getrandbits(40))
        made["assets"] = {"large_image": str(1 << 58 | number), "large_text": "board"}
    else:
        made |= {
            "timestamps": {"start": _CREATED_MS - 60_000, "end": _CREATED_MS + 180_000},
            "sync_id": "4uLU6hMCjMI75M1A2tKUQC",
            "session_id": f"{draw.getrandbits(128):032x}",
            "party": {"id": f"spotify:{number}"},
            "assets": {"large_image": "spotify:ab67616d", "large_text": "Nocturnes"},
        }
    return made


def _pool() -> tuple[bytes, ...]:
    draw = random.Random("presences")
    made: list[bytes] = []
    for number in range(96):
        status = draw.choice(("online", "online", "idle", "dnd"))
        activities = [_activity(draw, number) for _ in range(draw.choice((0, 1, 1, 2)))]
        devices = draw.choice((("desktop",), ("mobile",), ("web",), ("desktop", "mobile")))
        whole = {
            "status": status,
            "activities": activities,
            "client_status": dict.fromkeys(devices, status),
        }
        made.append(encode(whole)[1:-1])
    return (*made, *(OFFLINE,) * 32)


PRESENCES: Final = _pool()
"""128 encoded presences without ids, a quarter of them offline."""


def some_presence(draw: random.Random) -> bytes:
    """Draw an encoded presence."""
    return PRESENCES[int(draw.random() * 128)]


def own_presence(d: dict[str, Any]) -> bytes:
    """Encode the presence that the bot asks for with op 3 or in IDENTIFY; online on the web."""
    status = d.get("status")
    if status not in ("online", "idle", "dnd"):
        return OFFLINE
    asked = d.get("activities")
    activities = [
        {"name": str(a.get("name", "")), "type": a.get("type", 0), "created_at": _CREATED_MS}
        | {key: a[key] for key in ("state", "url") if key in a}
        for a in (asked if isinstance(asked, list) else [])
        if isinstance(a, dict)
    ]
    whole = {"status": status, "activities": activities, "client_status": {"web": status}}
    return encode(whole)[1:-1]


def presence(user_id: bytes, guild_id: int, rest: bytes) -> bytes:
    """Write a presence object. user_id: as JSON. rest: the encoded presence without ids."""
    return b'{"user":{"id":%b},"guild_id":"%d",%b}' % (user_id, guild_id, rest)
