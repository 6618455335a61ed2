"""What a client may send when: the gateway's rules as one table (pure).

Sources: Discord's documentation, "Gateway", "Gateway Events" (send events) and "Opcodes and Status
Codes". Opcodes that only user accounts have are unknown to a bot.
"""

from __future__ import annotations

from enum import Enum
from typing import Final

from cluster.discord.opcodes import Op


class State(Enum):
    """Where a client's connection is."""

    GREETED = "greeted"
    """It got HELLO, and has no session: it has yet to identify or to resume, or op 9 told it to."""
    IDENTIFYING = "identifying"
    """An IDENTIFY is being answered: READY, and all that follows it, may be on the way already."""
    RESUMING = "resuming"
    """A RESUME is being answered: what was missed may be on the way already."""
    ATTACHED = "attached"
    """A session is known."""
    CLOSED = "closed"


class Action(Enum):
    """What becomes of a payload."""

    BEAT = "beat"
    IDENTIFY = "identify"
    RESUME = "resume"
    PASS_ON = "pass on"
    """Commands gets it."""
    HOLD = "hold"
    """It is passed on once the session is known: a client need not wait for that after READY."""
    REFUSE_UNKNOWN = "refuse unknown"
    """Close 4001."""
    REFUSE_UNAUTHENTICATED = "refuse unauthenticated"
    """Close 4003."""
    REFUSE_AGAIN = "refuse again"
    """Close 4005."""
    IGNORE = "ignore"
    """The connection has ended."""


COMMANDS: Final[frozenset[int]] = frozenset(
    (
        Op.PRESENCE_UPDATE,
        Op.VOICE_STATE_UPDATE,
        Op.REQUEST_GUILD_MEMBERS,
        Op.REQUEST_SOUNDBOARD_SOUNDS,
        Op.REQUEST_CHANNEL_INFO,
    )
)
"""What a bot may ask for in a session."""


def _row(commands: Action, identify: Action, resume: Action) -> dict[int, Action]:
    """Return the actions of a state on the opcodes that there are for a bot."""
    row = dict[int, Action].fromkeys(COMMANDS, commands)
    row[Op.HEARTBEAT] = Action.BEAT
    row[Op.IDENTIFY] = identify
    row[Op.RESUME] = resume
    return row


TABLE: Final[dict[State, dict[int, Action]]] = {
    State.GREETED: _row(Action.REFUSE_UNAUTHENTICATED, Action.IDENTIFY, Action.RESUME),
    State.IDENTIFYING: _row(Action.HOLD, Action.REFUSE_AGAIN, Action.REFUSE_AGAIN),
    State.RESUMING: _row(Action.HOLD, Action.REFUSE_AGAIN, Action.REFUSE_AGAIN),
    State.ATTACHED: _row(Action.PASS_ON, Action.REFUSE_AGAIN, Action.REFUSE_AGAIN),
}


def action_on(state: State, op: int) -> Action:
    """Return what becomes of a payload with this opcode in this state."""
    if state is State.CLOSED:
        return Action.IGNORE
    return TABLE[state].get(op, Action.REFUSE_UNKNOWN)
