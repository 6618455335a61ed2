"""Who we say we are: payloads of IDENTIFY, RESUME and heartbeats, and what READY answers.

Sources: Discord's documentation, "Gateway Events": Identify, Resume, Heartbeat, Ready.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

import msgspec

from cluster.decode_errors import MALFORMED
from cluster.discord.account import IdentifyAccount, new_launch
from cluster.discord.browser import browser
from cluster.discord.opcodes import Op
from cluster.errors import ConfigError
from cluster.wire.link import Login, ShardPlan
from shard_worker.protocol.frame import FrameEvent

MAX_SESSION_ID_BYTES: Final = 1024
"""Some 32 are usual. RESUME has to hold it, beside the token, in 4096 bytes."""
MAX_TOKEN: Final = 1024
"""Characters; some 70 are usual. The same holds of a token that READY brings."""
MAX_RESUME_URL: Final = 2048
"""Characters; it is journalled with every drain."""
_LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")


class BadReadyError(Exception):
    """READY lacks what a session needs."""


class Ready(NamedTuple):
    """What the worker keeps of a READY, and what others may see of it."""

    session_id: str
    resume_url: str
    guilds: int
    blanked: bytes
    """``d`` without what is a credential: session id and tokens are emptied."""
    auth_token: str
    """A user account's new token, which takes the place of the one before; mostly empty."""


def account_of(spec: Login) -> IdentifyAccount:
    """What its shards identify as."""
    return IdentifyAccount(
        kind=spec.kind,
        intents=spec.intents,
        capabilities=spec.capabilities,
        client_build_number=spec.client_build_number,
        presence=spec.presence,
        large_threshold=spec.large_threshold,
    )


def identify(spec: Login, shard: ShardPlan, token: str) -> bytes:
    """Op 2."""
    d = account_of(spec).identify(
        token,
        browser(spec.impersonate),
        spec.launch or new_launch(),
        (shard.shard_id, shard.shard_count),
    )
    return _payload(Op.IDENTIFY, d)


def resume(token: str, session_id: str, seq: int) -> bytes:
    """Op 6."""
    return _payload(Op.RESUME, {"token": token, "session_id": session_id, "seq": seq})


def heartbeat(seq: int) -> bytes:
    """Op 1; seq -1: nothing was received yet."""
    return _payload(Op.HEARTBEAT, None if seq < 0 else seq)


def with_seq(qos_heartbeat: bytes, seq: int) -> bytes:
    """Op 40 with the session's seq in place of whatever it has: Discord may forget what is
    acknowledged, so none but the session says how far that is."""
    try:
        d = _qos.decode(qos_heartbeat).d
    except MALFORMED:
        d = {}
    return _payload(Op.QOS_HEARTBEAT, d | {"seq": None if seq < 0 else seq})


class _Qos(msgspec.Struct):
    d: dict[str, Any]


_qos: Final = msgspec.json.Decoder(_Qos)


def _payload(op: Op, d: object) -> bytes:
    return msgspec.json.encode({"op": int(op), "d": d})


_OF_SESSIONS: Final = "SESSIONS_REPLACE"
_SECRETS: Final = ("session_id", "auth_token", "analytics_token")
_fields: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])


def read_ready(d: bytes) -> Ready:
    """Read READY and blank its credentials. Raises BadReadyError."""
    try:
        fields = _fields.decode(d)
        session_id = msgspec.json.decode(fields["session_id"], type=str)
        resume_url = msgspec.json.decode(fields.get("resume_gateway_url", b'""'), type=str | None)
        guilds = msgspec.json.decode(fields.get("guilds", b"[]"), type=list[msgspec.Raw])
        auth_token = msgspec.json.decode(fields.get("auth_token", b"null"), type=str | None)
    except (KeyError, *MALFORMED) as error:
        raise BadReadyError(f"READY can't be read: {type(error).__name__}") from error
    # A user account's READY lists its sessions, this one among them.
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
    blanked = msgspec.json.encode(fields)
    blanked = blanked.replace(quoted, b'""')
    return Ready(session_id, resume_url or "", len(guilds), blanked, auth_token or "")


def without_session(events: Sequence[FrameEvent], session_id: str) -> list[FrameEvent]:
    """The same without the session id: a user account is told of all its sessions, this one among
    them, whenever one of them changes (SESSIONS_REPLACE)."""
    quoted = msgspec.json.encode(session_id)
    return [
        (name, seq, data.replace(quoted, b'""') if name == _OF_SESSIONS else data)
        for name, seq, data in events
    ]


def gateway_url(base: str, api_version: int, compress: str) -> str:
    """The URL to connect to ("Gateway", "Connecting"). ``base`` is wss://host[:port].

    Raises ConfigError for another scheme; plain ws goes to this host only.
    """
    try:
        parts = urlsplit(base)
        known = parts.scheme in ("wss", "ws") and parts.hostname and parts.port != 0
    except ValueError:  # a port that is none, half a bracket
        known = False
    if not known:
        raise ConfigError(f"gateway_url {base!r} is no wss:// URL", "write wss://host[:port]")
    if parts.scheme == "ws" and parts.hostname not in _LOOPBACK:
        raise ConfigError(f"gateway_url {base!r} is not encrypted", "plain ws is for loopback only")
    query = f"v={api_version}&encoding=json" + (f"&compress={compress}" if compress else "")
    return f"{parts.scheme}://{parts.netloc}{parts.path or '/'}?{query}"
