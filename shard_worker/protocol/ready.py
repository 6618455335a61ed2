"""What READY says of a session, and events without the session's credentials.

Source: Discord's documentation, "Gateway Events", "Ready"; for user accounts the unofficial one.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import msgspec

from cluster.decode_errors import MALFORMED, decoded

MAX_SESSION_ID_BYTES: Final = 1024
"""Some 32 are usual. RESUME has to hold it, beside the token, in 4096 bytes."""
MAX_TOKEN: Final = 1024
"""Most characters of a token that READY brings; some 70 are usual."""
MAX_RESUME_URL: Final = 2048
"""Most characters of a session's resume URL; it is journalled with every drain."""
_SECRETS: Final = ("session_id", "auth_token", "analytics_token")
_fields: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])


class BadReadyError(Exception):
    """READY lacks what a session needs."""


class Ready(NamedTuple):
    """What the worker keeps of a READY, and what others may see of it."""

    session_id: str
    resume_url: str
    guilds: int
    """How many guilds it names."""
    blanked: bytes
    """``d`` without what is a credential: session id and tokens are emptied."""
    auth_token: str
    """A user account's new token, which takes the place of the one before; mostly empty."""


def read_ready(d: bytes) -> Ready:
    """Read READY's ``d`` and blank its credentials. Raises BadReadyError."""
    try:
        fields = decoded(_fields.decode, d)
        session_id = msgspec.json.decode(fields["session_id"], type=str)
        resume_url = msgspec.json.decode(fields.get("resume_gateway_url", b'""'), type=str | None)
        guilds = msgspec.json.decode(fields.get("guilds", b"null"), type=list[msgspec.Raw] | None)
        auth_token = msgspec.json.decode(fields.get("auth_token", b"null"), type=str | None)
    except (KeyError, *MALFORMED) as error:
        raise BadReadyError(f"READY can't be read: {type(error).__name__}") from error
    quoted = msgspec.json.encode(session_id)
    if not session_id:
        raise BadReadyError("READY has no session id")
    if len(quoted) > MAX_SESSION_ID_BYTES:
        raise BadReadyError(f"READY has a session id of {len(quoted)} bytes")
    if resume_url and len(resume_url) > MAX_RESUME_URL:
        raise BadReadyError(f"READY has a resume_gateway_url of {len(resume_url)} characters")
    if auth_token and len(auth_token) > MAX_TOKEN:
        raise BadReadyError(f"READY has a token of {len(auth_token)} characters")
    for name in _SECRETS:
        if name in fields:
            fields[name] = msgspec.Raw(b'""')
    # A user account's READY lists its sessions, this one among them.
    blanked = msgspec.json.encode(fields).replace(quoted, b'""')
    return Ready(session_id, resume_url or "", len(guilds or ()), blanked, auth_token or "")


def without_session(data: bytes, session_id: str) -> bytes:
    """Return an event's ``d`` without the session id: an account hears of all its sessions, this
    one among them, whenever one of them changes (SESSIONS_REPLACE)."""
    return data.replace(msgspec.json.encode(session_id), b'""')
