"""What concerns the session and the client itself: ops 29, 40, 41. For user accounts.

Source: the unofficial documentation, "Gateway Events", "Remote Command", "QoS Heartbeat", "Update
Time Spent Session ID".
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final, Literal, get_args

from cluster.commands.checks import flag, number, one_of, refuse
from cluster.commands.command import Command, command
from cluster.discord.opcodes import Op
from cluster.errors import CommandError

QOS_VERSION: Final = 27
QosReason = Literal["foregrounded", "rtc_connected"]
REASONS: Final[tuple[QosReason, ...]] = get_args(QosReason)
_SESSION_ID: Final = re.compile(r"[^\ud800-\udfff]{1,1024}")
_UUID: Final = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def remote_command(target_session_id: str, payload: Any) -> Command:
    """Op 29: a message to another session of the account, which gets REMOTE_COMMAND. payload: what
    JSON holds; Discord does not look at it."""
    if not isinstance(target_session_id, str) or not _SESSION_ID.fullmatch(target_session_id):
        # It is a credential: not shown.
        raise CommandError(
            "target_session_id is none", "give a session's id, as text", "target_session_id"
        )
    d = {"target_session_id": target_session_id, "payload": payload}
    return command(Op.REMOTE_COMMAND, d, "payload")


def qos_heartbeat(
    *, active: bool = True, reasons: Iterable[QosReason] = ("foregrounded",)
) -> Command:
    """Op 40: a heartbeat beside those of the session, with why the client is in use. reasons:
    "foregrounded", "rtc_connected". Its seq is the session's affair, and filled in when it is sent:
    what it names, Discord may forget."""
    if isinstance(reasons, str | bytes) or not isinstance(reasons, Iterable):
        refuse("reasons", reasons, f"a list of {', '.join(REASONS)}")
    qos = {
        "ver": QOS_VERSION,
        "active": flag("active", active),
        "reasons": [one_of(f"reasons[{n}]", one, REASONS) for n, one in enumerate(reasons)],
    }
    return command(Op.QOS_HEARTBEAT, {"seq": None, "qos": qos}, "reasons")


def update_time_spent_session_id(
    initialization_timestamp: int, session_id: str, client_launch_id: str
) -> Command:
    """Op 41: since when the client is in use. initialization_timestamp: Unix ms. The ids are UUIDs
    of the client's own making, as its identify properties have them."""
    d = {
        "initialization_timestamp": number("initialization_timestamp", initialization_timestamp),
        "session_id": _uuid("session_id", session_id),
        "client_launch_id": _uuid("client_launch_id", client_launch_id),
    }
    return command(Op.UPDATE_TIME_SPENT_SESSION_ID, d)


def _uuid(argument: str, value: object) -> str:
    if not isinstance(value, str) or not _UUID.fullmatch(value):
        # Not shown: somebody may have taken it for the gateway's, which is a credential.
        raise CommandError(f"{argument} is no UUID", "give one, as text", argument)
    return value
