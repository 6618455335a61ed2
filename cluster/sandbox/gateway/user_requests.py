"""Requests that only a user account makes: which guilds it wants to hear of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cluster.sandbox.sessions.peer import Peer
from cluster.sandbox.sessions.user_view import MalformedSubscription, UserView
from cluster.sandbox.state import State


def subscribe(state: State, peer: Peer, d: Any) -> None:
    """Handle op 14: a subscription to one guild."""
    _subscribe(peer, lambda view: view.subscribe(d))


def subscribe_bulk(state: State, peer: Peer, d: Any) -> None:
    """Handle op 37: subscriptions to many guilds."""
    _subscribe(peer, lambda view: view.subscribe_bulk(d))


def _subscribe(peer: Peer, take: Callable[[UserView], None]) -> None:
    """Let a session's view take a subscription; a bot's changes nothing: its intents decide."""
    assert peer.session is not None  # only an attached peer gets here
    try:
        take(peer.session.user or UserView(0, 0))
    except MalformedSubscription as error:
        peer.close(4002, f"Error while decoding payload: {error}.")
