"""What GET /state of the control server answers (docs/sandbox.md)."""

from __future__ import annotations

from typing import Any

from cluster.sandbox.sessions.peer import Peer
from cluster.sandbox.sessions.session import Session
from cluster.sandbox.state import State


def describe_state(state: State) -> dict[str, Any]:
    """Limits, traffic, sessions, connections, counters."""
    dispatcher = state.dispatcher
    sessions = [_session(session) for session in dispatcher.sessions.values()]
    return {
        "traffic": _traffic(state),
        "session_start_limit": state.identify_limit.session_start_limit(),
        "identifies": _identifies(state),
        "sessions": sessions,
        "shards_ready": sum(1 for s in sessions if s["connected"] and not s["pending_guilds"]),
        "connections": [_connection(peer) for peer in state.peers.values()],
        "events": {"happened": dispatcher.happened, "dispatched": dispatcher.dispatched},
        "sessions_expired": dispatcher.expired,
        "closes": {str(code): n for code, n in sorted(state.closes.items())},
        "counters": dict(state.counters),
        "failures": state.failures.describe(),
        "ledger": state.ledger.summary(),
    }


def _traffic(state: State) -> dict[str, Any]:
    ticker = state.ticker
    return {
        "rate": ticker.rate,
        "achieved": ticker.achieved(),
        "lag_s": round(ticker.lag_s, 4),
        "generated": ticker.generated,
        "shortfall": ticker.shortfall,
    }


def _identifies(state: State) -> dict[str, Any]:
    limits = (state.identify_limit, state.user_identify_limit)
    return {
        "admitted": sum(limit.admitted for limit in limits),
        "early": sum(limit.early for limit in limits),
        "earliest_s": round(max(limit.earliest_s for limit in limits), 3),
        "unavoidable": state.dispatcher.session_log.unavoidable(),
    }


def _session(session: Session) -> dict[str, Any]:
    return {
        "session": session.id,
        "account": "bot" if session.user is None else "user",
        "shard": session.shard,
        "shard_count": session.shard_count,
        "connected": session.sink is not None,
        "seq": session.seq,
        "buffered": len(session.buffer),
        "pending_guilds": len(session.pending),
        "intents": session.intents,
    }


def _connection(peer: Peer) -> dict[str, Any]:
    return {
        "number": peer.number,
        "stage": peer.stage.value,
        "shard": peer.session.shard if peer.session else None,
        "shard_count": peer.session.shard_count if peer.session else None,
        "heartbeats": peer.heartbeats,
        "sent_messages": peer.connection.sent_messages,
        "sent_bytes": peer.connection.sent_bytes,
        "waiting_bytes": peer.connection.waiting,
    }
