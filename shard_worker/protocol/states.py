"""A session's states: what moves it from one to another, as a table.

Theory of operation
-------------------
The shell (shard.py) says to the machine what happened, with the time it happened at, and does the
actions that come back, in order. Between inputs it calls ``tick`` when ``due`` has come: waits,
heartbeats and deadlines all hang on that one timer.

    WAITING --wake--> CONNECTING --101--> AWAITING_HELLO --HELLO--> AWAITING_GRANT or RESUMING
    AWAITING_GRANT --grant--> IDENTIFYING --READY--> READY        RESUMING --RESUMED--> READY

Every state with a connection is left for WAITING when that connection is lost, by whichever side,
and for FATAL when the server refuses for good. Whoever holds a session (id and seq) resumes;
whoever has none asks for a grant, and sends IDENTIFY with that grant only. After ``Close`` the
connection is nobody's: nothing that it still brings may be passed in. A connection is lost when
nothing has come since the heartbeat before (heartbeat.py), and when a heartbeat is itself late by
more than an interval (the process was stopped).

No loop runs for ever without READY or RESUMED: a resume host that does not get to HELLO is left for
the main URL after 3 tries, a session that can't be resumed is dropped after 5 tries (20, if each
brought events), identifies that fail slow down to one in a quarter of an hour. Connections that do
not come to HELLO are paced for all sessions of the process together (connect_queue.py), and count
for nothing once HELLO has come. What is lost behind HELLO waits longer each time, with full jitter,
from the beginning of one connection to that of the next, until one has been ready for half a
minute. After op 9 that is Discord's 1 to 5 s, unless more was lost in a row.

Sources: Discord's documentation, "Gateway", "Connection Lifecycle" and "Resuming"; "Opcodes and
Status Codes". A table of transitions, as in h11 (the HTTP/1.1 library).
"""

from __future__ import annotations

from enum import Enum
from typing import Final

from cluster.wire.states import SessionState


class Input(Enum):
    """What moves a session from one state to another."""

    WAKE = "the wait is over"
    CONNECTED = "the server answered 101"
    HELLO = "HELLO, and there is no session"
    HELLO_RESUME = "HELLO, and there is a session"
    GRANT = "this shard may identify"
    READY = "READY"
    RESUMED = "RESUMED"
    LOST = "the connection is gone"
    REFUSED = "the server closed with a code that is fatal"
    RETRY = "somebody says that what was refused was mended"
    STOP = "the shell wants no more"


BEATING: Final = (
    SessionState.AWAITING_GRANT,
    SessionState.IDENTIFYING,
    SessionState.RESUMING,
    SessionState.READY,
)
"""States after HELLO, in which heartbeats go out."""
IN_SESSION: Final = (SessionState.RESUMING, SessionState.READY)
"""States in which dispatches belong to a session."""
TRYING: Final = (SessionState.CONNECTING, SessionState.AWAITING_HELLO)
"""States before HELLO."""
CONNECTED: Final = (*TRYING, *BEATING)
"""States that have a connection, or one on its way."""

TRANSITIONS: Final[dict[tuple[SessionState, Input], SessionState]] = {
    (SessionState.WAITING, Input.WAKE): SessionState.CONNECTING,
    (SessionState.CONNECTING, Input.CONNECTED): SessionState.AWAITING_HELLO,
    (SessionState.AWAITING_HELLO, Input.HELLO): SessionState.AWAITING_GRANT,
    (SessionState.AWAITING_HELLO, Input.HELLO_RESUME): SessionState.RESUMING,
    (SessionState.AWAITING_GRANT, Input.GRANT): SessionState.IDENTIFYING,
    (SessionState.IDENTIFYING, Input.READY): SessionState.READY,
    (SessionState.RESUMING, Input.RESUMED): SessionState.READY,
    # A replay may hold the RESUMED of a resume that was cut before it came.
    (SessionState.READY, Input.RESUMED): SessionState.READY,
    **{(state, Input.LOST): SessionState.WAITING for state in CONNECTED},
    **{(state, Input.REFUSED): SessionState.FATAL for state in CONNECTED},
    (SessionState.FATAL, Input.RETRY): SessionState.WAITING,
    **{
        (state, Input.STOP): SessionState.CLOSED
        for state in (SessionState.WAITING, *CONNECTED, SessionState.FATAL)
    },
}

DEADLINES_S: Final[dict[SessionState, float]] = {
    SessionState.CONNECTING: 40.0,  # the transport has time-outs of its own; this one guards them
    SessionState.AWAITING_HELLO: 10.0,
    SessionState.IDENTIFYING: 60.0,
    SessionState.RESUMING: 60.0,  # since the last event of the replay
}
