"""What each opcode does, and when it may be sent: the gateway's rules as one table.

Sources: "Gateway", "Gateway Events" (send events) and "Opcodes and Status Codes".
"""

from __future__ import annotations

from typing import Any, Final

from cluster.discord.opcodes import Op
from cluster.gateway_server.request_schemas import REQUEST_SCHEMAS
from cluster.sandbox.gateway.handshake import announce_sessions, identify, resume
from cluster.sandbox.gateway.requests import (
    Handler,
    checked,
    remote_command,
    request_members,
    request_soundboard,
    update_presence,
    voice,
)
from cluster.sandbox.gateway.user_requests import subscribe, subscribe_bulk
from cluster.sandbox.sessions import session_log
from cluster.sandbox.sessions.peer import Peer, Stage
from cluster.sandbox.sessions.session import Session
from cluster.sandbox.state import State


def heartbeat(state: State, peer: Peer, d: Any) -> None:
    if d is not None and type(d) is not int:
        peer.close(4002, "Error while decoding payload.")
        return
    _beat(state, peer, d)


def qos_heartbeat(state: State, peer: Peer, d: Any) -> None:
    """Op 40 of user clients: a heartbeat that also reports the connection's quality."""
    if not REQUEST_SCHEMAS[Op.QOS_HEARTBEAT](d):
        peer.close(4002, "Error while decoding payload.")
        return
    if peer.stage is Stage.ATTACHED:
        state.log_command(peer, Op.QOS_HEARTBEAT, d)
    _beat(state, peer, d["seq"])


def _beat(state: State, peer: Peer, seq: int | None) -> None:
    peer.last_heartbeat = state.now()
    peer.heartbeats += 1
    if peer.session is not None and seq is not None:
        _acknowledge(state, peer.session, seq)
    if not peer.connection.muted:
        peer.send(Op.HEARTBEAT_ACK, None)


def _acknowledge(state: State, session: Session, seq: int) -> None:
    if seq > session.seq:
        state.counters["acknowledged_ahead"] += 1
        seq = session.seq
    session.acknowledged = max(session.acknowledged, seq)
    if state.faults.trim_on_heartbeat:
        session.trim(seq)


def not_authenticated(state: State, peer: Peer, d: Any) -> None:
    peer.close(4003, "Not authenticated.")


def already_authenticated(state: State, peer: Peer, d: Any) -> None:
    peer.close(4005, "Already authenticated.")


_ALWAYS: dict[int, Handler] = {Op.HEARTBEAT: heartbeat, Op.QOS_HEARTBEAT: qos_heartbeat}
_COMMANDS: dict[int, Handler] = {op: checked(op) for op in REQUEST_SCHEMAS if op not in _ALWAYS} | {
    Op.REMOTE_COMMAND: remote_command,
    Op.PRESENCE_UPDATE: update_presence,
    Op.VOICE_STATE_UPDATE: voice,
    Op.REQUEST_GUILD_MEMBERS: request_members,
    Op.REQUEST_SOUNDBOARD_SOUNDS: request_soundboard,
    Op.GUILD_SUBSCRIPTIONS: subscribe,
    Op.GUILD_SUBSCRIPTIONS_BULK: subscribe_bulk,
}
_HANDSHAKE: dict[int, Handler] = {Op.IDENTIFY: identify, Op.RESUME: resume}
_REFUSED: dict[int, Handler] = dict.fromkeys(_COMMANDS, not_authenticated)
_AGAIN: dict[int, Handler] = dict.fromkeys(_HANDSHAKE, already_authenticated)

TABLE: Final[dict[Stage, dict[int, Handler]]] = {
    Stage.GREETED: _REFUSED | _HANDSHAKE | _ALWAYS,
    Stage.IDENTIFYING: _REFUSED | _AGAIN | _ALWAYS,
    Stage.ATTACHED: _COMMANDS | _AGAIN | _ALWAYS,
    Stage.CLOSED: {},
}
"""What is not in a stage's row is an unknown opcode: close 4001."""


def received(state: State, peer: Peer, op: int, d: Any) -> None:
    """Handle a well-formed payload from a client."""
    handler = TABLE[peer.stage].get(op)
    if handler is None:
        peer.close(4001, "Unknown opcode.")
        return
    if op not in _ALWAYS:
        state.log_command(peer, op, d)
    handler(state, peer, d)


def disconnected(state: State, peer: Peer) -> None:
    """Handle the end of a socket: 1000 and 1001 from the client end the session, else it stays."""
    peer.stage = Stage.CLOSED
    state.closes[peer.connection.close_code or 1006] += 1
    if peer.connection.overflowed:
        state.counters["cut_for_not_reading"] += 1
    session = peer.session
    peer.session = None
    if session is None or session.ended or session.sink is not peer.connection:
        return
    if peer.client_code in (1000, 1001):
        state.dispatcher.end(session, session_log.LEFT)
    else:
        state.dispatcher.detach(session)
    if session.user is not None:
        announce_sessions(state)
