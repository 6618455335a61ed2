"""The states of a session, as a table. Pure."""

from __future__ import annotations

from enum import Enum, auto
from typing import Final


class State(Enum):
    """Where a session is."""

    BEGINNING = auto()
    """READY and GUILD_CREATEs are being sent; events wait, in the window or the journal."""
    CATCHING_UP = auto()
    """It reads the journal by a Subscriber of its own: what it has to go on with, the window has
    no more."""
    LIVE = auto()
    """It takes what is new from the window."""
    HELD = auto()
    """It gets no dispatches while a newer session in its place gets its GUILD_CREATEs
    (`overlap = "newest"`)."""
    REPLACED = auto()
    """A newer session is in its place: it gets no more dispatches, and keeps its connection."""
    DETACHED = auto()
    """It has no connection. It may be resumed, or have an heir."""
    ENDED = auto()
    """It is no more."""


class Change(Enum):
    """What happens to a session."""

    BEGIN = auto()
    """READY, or what is left of its GUILD_CREATEs, is to be sent."""
    JOIN = auto()
    """Its place is in the window."""
    FALL_BEHIND = auto()
    """Its place is in the window no more."""
    HOLD = auto()
    RELEASE = auto()
    """The newer session has gone before it could take its place."""
    REPLACE = auto()
    DETACH = auto()
    END = auto()


_GOING: Final = (State.BEGINNING, State.CATCHING_UP, State.LIVE)

TABLE: Final[dict[tuple[State, Change], State]] = {
    (State.DETACHED, Change.BEGIN): State.BEGINNING,
    (State.DETACHED, Change.JOIN): State.LIVE,
    (State.DETACHED, Change.FALL_BEHIND): State.CATCHING_UP,
    (State.BEGINNING, Change.JOIN): State.LIVE,
    (State.BEGINNING, Change.FALL_BEHIND): State.CATCHING_UP,
    (State.CATCHING_UP, Change.JOIN): State.LIVE,
    (State.LIVE, Change.FALL_BEHIND): State.CATCHING_UP,
    **{(state, Change.HOLD): State.HELD for state in _GOING},
    (State.HELD, Change.RELEASE): State.DETACHED,
    (State.HELD, Change.REPLACE): State.REPLACED,
    **{(state, Change.DETACH): State.DETACHED for state in (*_GOING, State.HELD)},
    (State.REPLACED, Change.DETACH): State.ENDED,
    **{(state, Change.END): State.ENDED for state in State},
}
"""What is not in it can't happen."""


def after(state: State, change: Change) -> State:
    """Return the state that follows. KeyError: that can't happen."""
    return TABLE[state, change]
