"""A command: the whole payload that a client sends, made and checked before anything is sent."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from cluster.decode_errors import MALFORMED
from cluster.discord.limits import MAX_SENT_BYTES
from cluster.discord.opcodes import Op
from cluster.errors import CommandError

SESSIONS_OWN: Final = frozenset((Op.HEARTBEAT, Op.IDENTIFY, Op.RESUME))
"""Opcodes of which only the session knows when to send them, and with what."""
RECEIVED: Final = frozenset(
    (Op.DISPATCH, Op.RECONNECT, Op.INVALID_SESSION, Op.HELLO, Op.HEARTBEAT_ACK)
)
REMOVED: Final = frozenset((12, 15, 16, 23, 24, 25, 26, 27))
"""Opcodes that Discord once had, and now answers with close code 4001."""
MAX_OP: Final = 255
UNWRITABLE: Final = (TypeError, ValueError, OverflowError, RecursionError)
"""Errors that msgspec's encoder raises for what JSON does not hold."""


class Command(msgspec.Struct, frozen=True):
    """One payload for the gateway."""

    op: int
    payload: bytes
    """The JSON text {"op": ..., "d": ...}, at most 4096 bytes."""

    def __repr__(self) -> str:  # what a user does or writes is nobody else's business
        return f"Command(op={self.op}, {len(self.payload)} bytes)"


def command(op: int, d: object, argument: str = "") -> Command:
    """Return a command of this op. CommandError if it is no JSON, or larger than Discord takes;
    argument: the one that makes it so."""
    try:
        made = Command(int(op), msgspec.json.encode({"op": int(op), "d": d}))
    except UNWRITABLE as error:
        raise CommandError(
            f"{argument or 'd'} can't be written as JSON ({error})",
            "give texts, numbers, booleans, None, and lists and dicts of them",
            argument or "d",
        ) from None
    size = len(made.payload)
    if size > MAX_SENT_BYTES:
        prefix = f"{argument}: " if argument else ""
        raise CommandError(
            f"{prefix}the payload is {size:,} bytes, and Discord takes {MAX_SENT_BYTES:,}",
            "shorten it, or send it in parts",
            argument,
        )
    return made


def raw(op: int, d: Any = None) -> Command:
    """Return a command of any op that a client may send, with ``d`` as it is: for what has no
    method (yet).

    op: 0 to 255, and none of the session's own (heartbeat, identify, resume). d: what JSON holds.
    """
    if not isinstance(op, int) or isinstance(op, bool) or not 0 <= op <= MAX_OP:
        raise CommandError(f"op is {op!r}", f"give a number from 0 to {MAX_OP}", "op")
    check_op(op)
    return command(op, d, "d")


class _Payload(msgspec.Struct):
    op: int
    d: msgspec.Raw = msgspec.Raw(b"null")


_payload: Final = msgspec.json.Decoder(_Payload)


def read(payload: bytes) -> Command:
    """Return a command that came from another process: read, checked and written anew, so that it
    says nothing beside op and d. CommandError."""
    try:
        found = _payload.decode(payload)
        d = msgspec.json.decode(found.d)  # Raw is skipped over, not read
    except MALFORMED as error:
        raise CommandError(f"payload is no JSON of a command ({error})", "", "payload") from None
    return raw(found.op, d)


def check_op(op: int) -> None:
    """Raise CommandError for an op that is not for commands."""
    if op in SESSIONS_OWN:
        raise CommandError(f"op {op} is the session's own", "it sends it when it is due", "op")
    if op in RECEIVED:
        raise CommandError(f"op {op} is received, never sent", "", "op")
    if op in REMOVED:
        raise CommandError(f"op {op} was removed by Discord, which closes with 4001", "", "op")
