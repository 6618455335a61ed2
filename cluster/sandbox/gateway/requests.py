"""Requests of an identified client: members, soundboard, presence, voice, user accounts' own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cluster.discord.close_codes import CLOSE_CODES
from cluster.discord.opcodes import Op
from cluster.gateway_server.member_requests import asks_for_all, guild_asked, nonce_of
from cluster.gateway_server.request_schemas import REQUEST_SCHEMAS
from cluster.sandbox.sessions.peer import Peer, encode
from cluster.sandbox.sessions.session import Session
from cluster.sandbox.state import State
from cluster.sandbox.world import RequestRefused, rate_limited
from cluster.sandbox.world.answers import ANSWERS

Handler = Callable[[State, Peer, Any], None]

MEMBERS_WINDOW_S = 30.0
"""Seconds for which a session gets one op 8 for all members of a guild; over it RATE_LIMITED.

Requests by prefix or by user ids are not limited so (change log of 14 August 2025)."""


def request_members(state: State, peer: Peer, d: Any) -> None:
    """Answer op 8 with GUILD_MEMBERS_CHUNK dispatches, in order ("Request Guild Members")."""
    session = peer.session
    assert session is not None  # only an attached peer gets here
    if not REQUEST_SCHEMAS[Op.REQUEST_GUILD_MEMBERS](d):
        peer.close(4002, "Error while decoding payload.")
        return
    try:
        chunks = state.world.request_members(d, intents=session.intents)
    except RequestRefused as refused:
        peer.close(refused.close_code, CLOSE_CODES[refused.close_code].name.capitalize() + ".")
        return
    guild_id = guild_asked(d)
    if guild_id is None or not asks_for_all(d):
        _send_chunks(state, session, chunks)
        return
    nonce = nonce_of(d.get("nonce"))
    now = state.now()
    last = session.member_requests.get(guild_id)
    if last is not None and now - last < MEMBERS_WINDOW_S:
        limited = rate_limited(guild_id, round(last + MEMBERS_WINDOW_S - now, 3), nonce)
        state.dispatcher.dispatch(session, "RATE_LIMITED", limited)
        return
    session.member_requests[guild_id] = now
    _send_chunks(state, session, chunks)


def _send_chunks(state: State, session: Session, chunks: list[bytes]) -> None:
    for chunk in chunks:
        state.dispatcher.dispatch(session, "GUILD_MEMBERS_CHUNK", chunk)


def request_soundboard(state: State, peer: Peer, d: Any) -> None:
    """Answer op 31 with a SOUNDBOARD_SOUNDS dispatch a guild."""
    session = peer.session
    assert session is not None
    if not REQUEST_SCHEMAS[Op.REQUEST_SOUNDBOARD_SOUNDS](d):
        peer.close(4002, "Error while decoding payload: guild_ids.")
        return
    for _, sounds in state.world.request_soundboard([int(n) for n in d["guild_ids"]]):
        state.dispatcher.dispatch(session, "SOUNDBOARD_SOUNDS", sounds)


def checked(op: int) -> Handler:
    """Make the handler of a user account's request: its form is checked, and events answer it."""
    fits, answered = REQUEST_SCHEMAS[op], op in ANSWERS

    def handle(state: State, peer: Peer, d: Any) -> None:
        if not fits(d):
            peer.close(4002, "Error while decoding payload.")
        elif answered:
            assert peer.session is not None
            for name, data in state.world.answer(op, d):
                state.dispatcher.dispatch(peer.session, name, data)

    return handle


def remote_command(state: State, peer: Peer, d: Any) -> None:
    """Handle op 29: REMOTE_COMMAND at another session of the account."""
    if not REQUEST_SCHEMAS[Op.REMOTE_COMMAND](d):
        peer.close(4002, "Error while decoding payload.")
        return
    target = state.dispatcher.sessions.get(d["target_session_id"])
    if target is not None:
        state.dispatcher.dispatch(target, "REMOTE_COMMAND", encode(d["payload"]))


def update_presence(state: State, peer: Peer, d: Any) -> None:
    """Handle op 3: what the bot shows of itself."""
    if not REQUEST_SCHEMAS[Op.PRESENCE_UPDATE](d):
        peer.close(4002, "Error while decoding payload.")
        return
    state.dispatcher.publish(state.world.update_presence(d))


def voice(state: State, peer: Peer, d: Any) -> None:
    """Handle op 4: the account joins, moves or leaves a voice channel."""
    if not REQUEST_SCHEMAS[Op.VOICE_STATE_UPDATE](d):
        peer.close(4002, "Error while decoding payload.")
        return
    assert peer.session is not None  # only an attached peer gets here
    # A voice connection is opened with the gateway session's id: the event must carry this one.
    events = state.world.voice_state(d, session_id=peer.session.id, of_user=peer.user)
    state.dispatcher.publish(events)
