"""What a session asks its shell to do."""

from __future__ import annotations

import msgspec


class Connect(msgspec.Struct, frozen=True):
    """Open a connection. url: the session's resume host, or "" for the main one."""

    url: str


class RequestGrant(msgspec.Struct, frozen=True):
    """Ask the coordinator for leave to identify."""


class ReturnGrant(msgspec.Struct, frozen=True):
    """A grant came that can't be used."""

    grant_id: int


class SendIdentify(msgspec.Struct, frozen=True):
    """Send op 2, under this grant, as this epoch."""

    grant_id: int
    epoch: int


class SendResume(msgspec.Struct, frozen=True):
    """Send op 6."""

    session_id: str
    seq: int

    def __repr__(self) -> str:  # a session id is a credential
        return f"SendResume(seq={self.seq})"


class SendHeartbeat(msgspec.Struct, frozen=True):
    """Send op 1. seq -1: null."""

    seq: int


class Close(msgspec.Struct, frozen=True):
    """Close the connection with this code and forget it."""

    code: int


class EndEpoch(msgspec.Struct, frozen=True):
    """The session is dropped: its epoch ends after ``seq`` (-1: it had no event)."""

    epoch: int
    seq: int
    cause: str


class GiveUp(msgspec.Struct, frozen=True):
    """The shard ends its tries: what the server said, and what a person can do about it."""

    cause: str
    action: str


Action = (
    Connect
    | RequestGrant
    | ReturnGrant
    | SendIdentify
    | SendResume
    | SendHeartbeat
    | Close
    | EndEpoch
    | GiveUp
)
