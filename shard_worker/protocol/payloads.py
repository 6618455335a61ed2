"""Payloads that a session sends: IDENTIFY, RESUME and heartbeats.

Sources: Discord's documentation, "Gateway Events": Identify, Resume, Heartbeat.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from cluster.decode_errors import MALFORMED
from cluster.discord.account import IdentifyAccount, new_launch
from cluster.discord.browser import browser
from cluster.discord.opcodes import Op
from cluster.wire.link import Login, ShardPlan


def identify_account(login: Login) -> IdentifyAccount:
    """Return what the shards of this login identify with."""
    return IdentifyAccount(
        kind=login.kind,
        intents=login.intents,
        capabilities=login.capabilities,
        client_build_number=login.client_build_number,
        presence=login.presence,
        large_threshold=login.large_threshold,
    )


def identify(login: Login, shard: ShardPlan, token: str) -> bytes:
    """Return an IDENTIFY (op 2)."""
    d = identify_account(login).identify(
        token,
        browser(login.impersonate),
        login.launch or new_launch(),
        (shard.shard_id, shard.shard_count),
    )
    return _payload(Op.IDENTIFY, d)


def resume(token: str, session_id: str, seq: int) -> bytes:
    """Return a RESUME (op 6)."""
    return _payload(Op.RESUME, {"token": token, "session_id": session_id, "seq": seq})


def heartbeat(seq: int) -> bytes:
    """Return a heartbeat (op 1). seq -1: nothing was received yet."""
    return _payload(Op.HEARTBEAT, None if seq < 0 else seq)


def with_seq(qos_heartbeat: bytes, seq: int) -> bytes:
    """Return a QoS heartbeat (op 40) with the session's seq in place of what it has: Discord may
    forget what is acknowledged, so none but the session says how far that is."""
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
