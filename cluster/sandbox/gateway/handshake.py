"""IDENTIFY and RESUME: who gets a session ("Gateway", "Identifying" and "Resuming")."""

from __future__ import annotations

import asyncio
from typing import Any

from cluster.discord.intents import ALL_INTENTS, PRIVILEGED_INTENTS
from cluster.discord.limits import MOST_GUILDS
from cluster.discord.opcodes import Op
from cluster.gateway_server.compression import PayloadZlibEncoder, PlainEncoder
from cluster.gateway_server.identify_payload import (
    IdentifyPayload,
    parse_identify,
    parse_resume,
    parse_token,
)
from cluster.gateway_server.refusal import Refused
from cluster.sandbox.gateway.trace import TRACE
from cluster.sandbox.sessions import session_log
from cluster.sandbox.sessions.identify_limit import IdentifyLimit, Verdict
from cluster.sandbox.sessions.peer import Peer, Stage, encode
from cluster.sandbox.sessions.session import Session
from cluster.sandbox.sessions.user_view import UserView
from cluster.sandbox.state import State
from cluster.sandbox.world.user_ready import sessions_replace


def identify(state: State, peer: Peer, d: Any) -> None:
    """Check an IDENTIFY now, let it arrive at its bucket a little later."""
    try:
        peer.user = _by_user(state, d)
        wanted = parse_identify(d, allowed=_allowed_intents(state), user=peer.user)
        if peer.user:
            _check_sessions(state)
        else:
            _check_shard_count(state, wanted)
    except Refused as refused:
        peer.close(refused.code, refused.reason)
        return
    peer.stage = Stage.IDENTIFYING
    loop = asyncio.get_running_loop()
    delay = _limit_of(state, peer).arrival_delay()
    loop.call_later(delay, _arrived, state, peer, wanted)


def _allowed_intents(state: State) -> int:
    return int(ALL_INTENTS & ~PRIVILEGED_INTENTS) | state.options.privileged_intents


def _limit_of(state: State, peer: Peer) -> IdentifyLimit:
    return state.user_identify_limit if peer.user else state.identify_limit


def _by_user(state: State, d: Any) -> bool:
    """Whether the token of d is the user account's and not the bot's. Refused: it is neither's."""
    token = parse_token(d)
    if state.is_user_token(token):
        return True
    if not state.is_token(token.removeprefix("Bot ").strip()):
        raise Refused(4004, "Authentication failed.")
    return False


def _check_sessions(state: State) -> None:
    sessions = state.dispatcher.sessions.values()
    connected = [s for s in sessions if s.user is not None and s.sink is not None]
    if len(connected) >= state.options.user_sessions:
        raise Refused(4015, "Too many sessions.")


def _check_shard_count(state: State, wanted: IdentifyPayload) -> None:
    shard_id, count = wanted.shard or (0, 1)
    if count < state.options.require_shards:
        raise Refused(4011, "Sharding required.")
    if len(state.world.guild_ids(shard_id, count)) > MOST_GUILDS:
        raise Refused(4011, "Sharding required.")


def _arrived(state: State, peer: Peer, wanted: IdentifyPayload) -> None:
    if peer.stage is not Stage.IDENTIFYING or peer.connection.closing:
        return
    shard_id, count = wanted.shard or (0, 1)
    verdict = _limit_of(state, peer).admit(shard_id)
    if verdict is Verdict.EARLY:
        peer.stage = Stage.GREETED
        peer.send(Op.INVALID_SESSION, False)
        return
    if verdict is Verdict.EXHAUSTED:
        exhausted(state)
        return
    session = state.dispatcher.open(
        shard=shard_id,
        shard_count=count,
        intents=wanted.intents,
        version=peer.version,
        large_threshold=wanted.large_threshold,
        user=None
        if wanted.capabilities is None
        else UserView(wanted.capabilities, wanted.large_threshold),
    )
    if wanted.compress and isinstance(peer.connection.encoder, PlainEncoder):
        peer.connection.encoder = PayloadZlibEncoder()
    attach(state, peer, session)
    if session.user is not None:
        _welcome_user(state, peer, session, session.user, wanted.shard)
        return
    ready = state.world.ready(
        session_id=session.id,
        resume_gateway_url=state.resume_url,
        shard=wanted.shard,
        version=peer.version,
        intents=wanted.intents,
    )
    state.dispatcher.dispatch(session, "READY", ready)
    state.dispatcher.welcome(session)
    peer.connection.flush()


def _welcome_user(
    state: State, peer: Peer, session: Session, view: UserView, shard: tuple[int, int] | None
) -> None:
    """Send READY with the guilds in it; the account's other sessions hear of this one."""
    made = state.world.user_ready(
        capabilities=view.capabilities,
        large_threshold=view.large_threshold,
        session_id=session.id,
        sessions=_user_sessions(state),
        resume_gateway_url=state.resume_url,
        shard=shard,
        version=peer.version,
    )
    state.dispatcher.dispatch(session, "READY", made.ready)
    if made.supplemental is not None:
        state.dispatcher.dispatch(session, "READY_SUPPLEMENTAL", made.supplemental)
    announce_sessions(state)
    peer.connection.flush()


def _user_sessions(state: State) -> list[str]:
    sessions = state.dispatcher.sessions.values()
    return [s.id for s in sessions if s.user is not None and s.sink is not None]


def announce_sessions(state: State) -> None:
    """Send SESSIONS_REPLACE to the user account's sessions: there is one more, or one less."""
    data = sessions_replace(_user_sessions(state))
    for session in list(state.dispatcher.sessions.values()):
        if session.user is not None:
            state.dispatcher.dispatch(session, "SESSIONS_REPLACE", data)


def exhausted(state: State) -> None:
    """Handle one session start too many: every session of the bot ends and its token is reset."""
    state.reset_token()
    for session in list(state.dispatcher.sessions.values()):
        if session.user is None:
            state.dispatcher.end(session, session_log.EXHAUSTED)
    for peer in list(state.peers.values()):
        if not peer.user and peer.stage in (Stage.IDENTIFYING, Stage.ATTACHED):
            peer.session = None
            peer.close(4004, "Authentication failed.")


def attach(state: State, peer: Peer, session: Session) -> None:
    """Send the session's payloads to this connection; one that had it before is closed."""
    for other in list(state.peers.values()):
        if other.session is session and other is not peer:
            other.session = None
            other.close(4000, "Session taken over by another connection.")
    session.sink = peer.connection
    session.detached_at = None
    peer.session = session
    peer.stage = Stage.ATTACHED


def resume(state: State, peer: Peer, d: Any) -> None:
    """Replay what came after ``seq``, then RESUMED; op 9 where that is not possible."""
    try:
        session_id, seq = parse_resume(d)
        peer.user = _by_user(state, d)
    except Refused as refused:
        peer.close(refused.code, refused.reason)
        return
    session = state.dispatcher.sessions.get(session_id)
    if session is None or (session.user is not None) is not peer.user:
        state.counters["resumes_refused"] += 1
        peer.send(Op.INVALID_SESSION, False)
        return
    if not session.knows(seq):
        state.dispatcher.end(session, session_log.INVALID_SEQ)
        peer.close(4007, "Invalid seq.")
        return
    missed = session.replay(seq)
    if missed is None:
        state.counters["resumes_refused"] += 1
        below = seq < session.acknowledged
        state.dispatcher.end(
            session, session_log.ACKNOWLEDGED if below else session_log.REPLAY_GONE
        )
        peer.send(Op.INVALID_SESSION, False)
        return
    session.acknowledged = max(session.acknowledged, seq)
    # Detached while it is replayed: what happens meanwhile would overtake.
    for entry in state.faults.skipped(session, missed):
        peer.connection.send(entry.payload)
        state.dispatcher.replayed(session, entry.seq, entry.name, entry.hash)
    peer.connection.allow_replay()
    attach(state, peer, session)
    _resumed(state, session)
    peer.connection.flush()


def _resumed(state: State, session: Session) -> None:
    data = encode({"_trace": TRACE})
    if session.sink is not None and state.faults.repeats_seq():
        session.sink.send(b'{"t":"RESUMED","s":%d,"op":0,"d":%b}' % (session.seq, data))
    else:
        state.dispatcher.dispatch(session, "RESUMED", data)
    state.counters["resumed"] += 1
