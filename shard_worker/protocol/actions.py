"""What a session asks its shell to do."""

from __future__ import annotations

import msgspec


class Connect(msgspec.Struct, frozen=True):
    """Open a connection. url: the session's resume URL, or "" for the main one."""

    url: str


class RequestGrant(msgspec.Struct, frozen=True):
    """Ask the coordinator for a grant to identify."""


class ReturnGrant(msgspec.Struct, frozen=True):
    """Give a grant back that can't be used."""

    grant_id: int


class SendIdentify(msgspec.Struct, frozen=True):
    """Send IDENTIFY under this grant; the session that it begins is this epoch."""

    grant_id: int
    epoch: int


class SendResume(msgspec.Struct, frozen=True):
    """Send RESUME."""

    session_id: str
    seq: int

    def __repr__(self) -> str:  # a session id is a credential
        return f"SendResume(seq={self.seq})"


class SendHeartbeat(msgspec.Struct, frozen=True):
    """Send a heartbeat. seq -1: nothing was received yet."""

    seq: int


class Close(msgspec.Struct, frozen=True):
    """Close the connection with this code and forget it."""

    code: int


class Leave(msgspec.Struct, frozen=True):
    """Send a close frame with this code, and go on taking what comes until the server has answered
    it: `Session.closed` is told as of any other end."""

    code: int


class EndEpoch(msgspec.Struct, frozen=True):
    """End the session's epoch after ``seq`` (-1: it had no event); it will not be resumed."""

    epoch: int
    seq: int
    cause: str


class GiveUp(msgspec.Struct, frozen=True):
    """Stop trying. cause: what the server said. action: what a person can do about it."""

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
    | Leave
    | EndEpoch
    | GiveUp
)
