"""A gateway session as a state machine: no I/O, no clock, no randomness of its own.

The states, the table of what moves a session between them and the theory of operation are in
states.py. Sources: Discord's documentation, "Gateway", "Connection Lifecycle" and "Resuming";
"Opcodes and Status Codes".
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from math import inf
from typing import Final

import msgspec

from cluster.decode_errors import MALFORMED
from cluster.discord.close_codes import CLOSE_CODES, RESUMABLE_CLOSE, Then, after_close
from cluster.discord.opcodes import Op
from cluster.wire.states import SessionState
from shard_worker.protocol import actions as do
from shard_worker.protocol.actions import Action
from shard_worker.protocol.backoff import Tries, invalid_session_wait
from shard_worker.protocol.connect_queue import ConnectQueue
from shard_worker.protocol.dispatch_order import DispatchOrder
from shard_worker.protocol.frame import Frame, FrameEvent
from shard_worker.protocol.heartbeat import Heartbeat
from shard_worker.protocol.latencies import Latencies
from shard_worker.protocol.outage import Outage
from shard_worker.protocol.states import (
    BEATING,
    CONNECTED,
    DEADLINES_S,
    IN_SESSION,
    TRANSITIONS,
    TRYING,
    Input,
)

ENDING_CLOSE: Final = 1000
"""The close code that ends the session at Discord.

Source: Discord's documentation, "Gateway", "Initiating a Disconnect".
"""
MAX_INTERVAL_S: Final = 3600.0
"""Longest heartbeat interval that HELLO may say, in seconds."""


class Resumable(msgspec.Struct, frozen=True):
    """What is needed to resume a session: plain data."""

    session_id: str
    resume_url: str
    seq: int
    """s of the last event taken."""
    epoch: int

    def __repr__(self) -> str:  # a session id is a credential
        return f"Resumable(epoch={self.epoch}, seq={self.seq})"


class _Hello(msgspec.Struct):
    heartbeat_interval: float


class Session:
    """One shard's session. Times are seconds of the caller's monotonic clock; ``random`` gives
    numbers in [0, 1)."""

    def __init__(
        self,
        now: float,
        *,
        random: Callable[[], float],
        resumable: Resumable | None = None,
        epoch: int = 0,
        advice: Mapping[int, str] | None = None,
        connects: ConnectQueue | None = None,
        on_turn_moved: Callable[[], None] = lambda: None,
        latencies: Latencies | None = None,
    ) -> None:
        """resumable: the session to go on with. epoch: the newest one known of the shard. advice:
        close code -> what to do about it, where more is known than in CLOSE_CODES. connects: where
        it waits for its turn to connect; None: it is alone. on_turn_moved: called when another
        session's news has moved that turn, and ``due`` with it. latencies: where its heartbeats are
        counted with those of the other sessions of its process, together with which it sends them;
        None: there is no other."""
        self.state = SessionState.WAITING
        self.resumable = resumable
        """The session that RESUME would continue, as it was when it was handed over or began."""
        self.seq = resumable.seq if resumable else -1
        """s of the last event taken; -1: none."""
        self.epoch = max(epoch, resumable.epoch if resumable else 0)
        """The epoch of the last identify; what a grant brings is larger."""
        self.latency: float | None = None
        """Seconds between the last heartbeat that was acknowledged and its acknowledgement."""
        self._latencies = latencies
        self.late_acks = 0
        """Acknowledgements that came later than the next heartbeat."""
        self.reconnects: Counter[str] = Counter()
        """Lost connections by their cause."""
        self.lost_by = ""
        """The cause of the last lost connection; empty: none was lost."""
        self.order = DispatchOrder()
        """Says which dispatches take a position."""
        self.refused: int | None = None
        """The fatal close code, once there was one."""
        self._advice = advice or {}
        self._random = random
        self._connects = connects or ConnectQueue(random)
        self._on_turn_moved = on_turn_moved
        self._detail = ""
        self._wake: float | None = now
        """When it begins to wait for its turn to connect; None: it waits, or need not."""
        self._at_once = False
        """Somebody asked for a connection: it waits for no turn."""
        self._connect_at: float
        """When the last connection was begun: set with each."""
        self._deadline = inf
        """When the state has lasted for too long; infinite: it may last."""
        self._heartbeat: Heartbeat | None = None
        self._ready_at: float | None
        """When READY or RESUMED came on this connection; None: neither has."""
        self._used_grant: int | None = None
        """The grant of the last IDENTIFY."""
        self._asked_at: float | None = None
        """When the server last asked for a heartbeat."""
        self._tries = Tries(random)
        self._resume_host: str
        """The resume URL that the connection is to; empty: it is to the main one."""
        self._resume_had_events: bool
        """The RESUME that was sent last has brought events."""
        self._unread = False
        """What the server sends is left unread for now."""
        self.leaving = False
        """Somebody asked for another session; a close frame was sent, and what comes before its
        answer is taken. Nothing more may be sent."""
        self._lost_again = False
        """The last loss was one more of a row that the log has told of."""

    @property
    def heartbeat_interval(self) -> float | None:
        """Seconds between heartbeats, as HELLO said; None: it has not come on this connection."""
        return self._heartbeat.interval if self._heartbeat else None

    @property
    def detail(self) -> str:
        """Why the session is not ready, for people; empty: nothing has gone wrong."""
        if self.state is SessionState.WAITING and self._wake is None and self._connects.trouble:
            return f"the gateway gives no HELLO: {self._connects.trouble}"
        return self._detail

    @property
    def outage(self) -> Outage | None:
        """The tries of this session and others that have failed since the last HELLO; None: none
        has."""
        return self._connects.outage

    @property
    def unremarkable(self) -> bool:
        """Whether the state is part of one more try in a row of which the log has told enough."""
        if self.state is SessionState.WAITING:
            return self._lost_again
        return self.state in TRYING and self.outage is not None

    @property
    def next_try(self) -> float | None:
        """When the next connection is begun; None: there is one, there will be none, or it hangs on
        how other sessions fare."""
        return self.due if self.state is SessionState.WAITING else None

    # -- time ----------------------------------------------------------------------------------

    @property
    def due(self) -> float | None:
        """When ``tick`` wants to be called next."""
        beat = self._heartbeat.due if self._heartbeat else None
        moments = (self._wake, self._connects.due(self), self._deadline, beat)
        first = min(moment for moment in moments if moment is not None)
        return None if first == inf else first

    def tick(self, now: float) -> list[Action]:
        """Do what time demands. Calling it early, late or twice does no harm."""
        if self._wake is not None and now >= self._wake:
            self._wake = None
            self._connects.join(self, self._on_turn_moved, now)
        if self._at_once or self._connects.take(self, now):
            return self._connect(now)
        if self._unread:
            self._excuse(now)
        if now >= self._deadline:
            return self._lose(f"{self.state.value} timed out", now, close=RESUMABLE_CLOSE)
        if self._heartbeat is not None and now >= self._heartbeat.due:
            if self._heartbeat.zombie:
                return self._lose("zombie", now, close=RESUMABLE_CLOSE)
            if self._heartbeat.late(now):  # nothing is there to answer this one
                return self._lose("late heartbeat", now, close=RESUMABLE_CLOSE)
            self._heartbeat.sent(now)
            return [do.SendHeartbeat(self.seq)]
        return []

    def _connect(self, now: float) -> list[Action]:
        self._move(Input.WAKE, now)
        self._connect_at = now
        url = self.resumable.resume_url if self.resumable else ""
        if not self._tries.resume_host or self._connects.is_left(url, now):
            url = ""
        self._resume_host = url
        return [do.Connect(url)]

    def hold(self, now: float) -> None:
        """The shell reads nothing for a while: heartbeats go on, and that nothing is read proves
        nothing."""
        self._unread = self.state in BEATING
        self._excuse(now)

    def go_on(self, now: float) -> None:
        """The shell reads again."""
        self._excuse(now)
        self._unread = False

    def _excuse(self, now: float) -> None:
        """What the server has said meanwhile was not read: nothing is overdue."""
        if self._heartbeat is not None:
            self._heartbeat.excuse()
        if self.state in BEATING:
            self._deadline = now + DEADLINES_S.get(self.state, inf)

    # -- the connection ------------------------------------------------------------------------

    def connected(self, now: float) -> list[Action]:
        """The handshake is done."""
        self._move(Input.CONNECTED, now)
        return []

    def connect_failed(self, cause: str, now: float, *, denied: bool = False) -> list[Action]:
        """There is no connection: refused, timed out, not verified, not answered with 101. denied:
        somebody was reached and said no, which lasts until a person mends it."""
        return self._lose("connect failed", now, detail=cause, denied=denied)

    def closed(self, code: int | None, now: float, cause: str = "") -> list[Action]:
        """The other side ended the connection; ``code`` None: without a close frame."""
        if self.state not in CONNECTED:
            return []
        then = after_close(code)
        label, known = (
            ("connection lost", None) if code is None else (f"closed {code}", CLOSE_CODES.get(code))
        )
        detail = f"{label} ({known.name if known else cause})" if known or cause else label
        if then is Then.FATAL and known:
            action = self._advice.get(known.code, known.action)
            self._move(Input.REFUSED, now)
            self.refused = known.code
            self._detail = f"{detail}: {action}"
            return [do.GiveUp(detail, action)]
        return self._lose(label, now, drop=then is Then.IDENTIFY, detail=detail)

    def broken(self, cause: str, now: float, detail: str = "") -> list[Action]:
        """What came can't be read, or is out of place: a fresh connection is the cure."""
        return self._lose(cause, now, close=RESUMABLE_CLOSE, detail=detail)

    def reconnect(self, now: float, *, identify: bool = False) -> list[Action]:
        """Begin another connection at once: somebody asked for it. A session that gave up tries
        anew; one that identifies goes on with that, since its identify is spent. identify: the
        session is ended, and another one begun in its place; where one is being begun, that goes
        on."""
        if self.state is SessionState.IDENTIFYING:
            return []
        if self.state in CONNECTED and identify:
            if self.resumable is None or self.leaving:
                return []
            if self.state in IN_SESSION:
                self.leaving = True
                return [do.Leave(ENDING_CLOSE)]
            return self._lose("refresh", now, close=ENDING_CLOSE, drop=True, asked=True)
        if self.state in CONNECTED:
            return self._lose("restart", now, close=RESUMABLE_CLOSE, asked=True)
        out = self._drop("refresh") if identify else []
        if self.state is SessionState.FATAL:
            self._move(Input.RETRY, now)
            self.refused, self._detail = None, ""
        if self.state is SessionState.WAITING:
            self._at_once, self._wake = True, now
        return out

    def stop(self, now: float, *, logout: bool = False, cause: str = "logout") -> list[Action]:
        """Close the connection for good. logout: end the session, and its epoch with this cause;
        else it stays resumable."""
        if self.state is SessionState.CLOSED:
            return []
        out: list[Action] = []
        if self.state in CONNECTED:
            out = [do.Close(ENDING_CLOSE if logout else RESUMABLE_CLOSE)]
        if logout:
            out += self._drop(cause)
        self._move(Input.STOP, now)
        return out

    def heard(self) -> None:
        """Something came on the connection: whatever it is, somebody is there."""
        if self._heartbeat is not None:
            self._heartbeat.heard()

    # -- frames --------------------------------------------------------------------------------

    def frame(self, frame: Frame, now: float, waited_s: float = 0.0) -> list[Action]:
        """A frame of any op but a dispatch came. waited_s: most seconds that it may have waited
        until it was read."""
        if self.state not in CONNECTED:
            return []
        if self._heartbeat is not None and frame.op == Op.HEARTBEAT_ACK:
            latency = self._heartbeat.acknowledged(now, waited_s)
            if latency is not None:
                self.latency = latency
                if self._latencies is not None:
                    self._latencies.add(latency)
                self.late_acks += latency > self._heartbeat.interval
        elif self._heartbeat is not None and frame.op == Op.HEARTBEAT:
            if self._asked_at == now:
                return []  # many in one slice: one heartbeat answers them
            self._asked_at = now
            self._heartbeat.sent(now)
            return [do.SendHeartbeat(self.seq)]
        elif frame.op == Op.HELLO:
            return self._hello(frame.data, now)
        elif frame.op == Op.RECONNECT:
            return self._lose("op 7", now, close=RESUMABLE_CLOSE)
        elif frame.op == Op.INVALID_SESSION:
            wait = invalid_session_wait(self._random)
            return self._lose(
                "op 9", now, close=RESUMABLE_CLOSE, drop=frame.data != b"true", wait=wait
            )
        return []  # ops of later days are the server's right

    def _hello(self, data: bytes, now: float) -> list[Action]:
        try:
            interval = msgspec.json.decode(data, type=_Hello).heartbeat_interval / 1000
        except MALFORMED as error:
            return self.broken("bad HELLO", now, str(error))
        if self.state is not SessionState.AWAITING_HELLO or not 0 < interval <= MAX_INTERVAL_S:
            return self.broken("bad HELLO", now)
        self._connects.reached(self._resume_host, now)
        self._heartbeat = Heartbeat(
            interval, now, self._random(), together=self._latencies is not None
        )
        if self.resumable is None:
            self._move(Input.HELLO, now)
            return [do.RequestGrant()]
        self._move(Input.HELLO_RESUME, now)
        self._resume_had_events = False
        return [do.SendResume(self.resumable.session_id, self.seq)]

    def granted(self, grant_id: int, epoch: int, now: float) -> list[Action]:
        """The coordinator lets this shard identify, as this epoch."""
        if self.state is not SessionState.AWAITING_GRANT:
            # Who asked twice is given the same grant twice. What became of one that was used is
            # told when its IDENTIFY leaves; to give it back would say that none was sent.
            return [] if grant_id == self._used_grant else [do.ReturnGrant(grant_id)]
        self._used_grant = grant_id
        self._move(Input.GRANT, now)
        # A coordinator that lost its store may count from the start; epochs only ever grow.
        self.epoch, self.seq = max(epoch, self.epoch + 1), -1
        return [do.SendIdentify(grant_id, self.epoch)]

    def ready(self, session_id: str, resume_url: str, seq: int, now: float) -> list[Action]:
        """READY: a new session begins."""
        if (self.state, Input.READY) not in TRANSITIONS:
            return self.broken("READY out of place", now)
        self.resumable = Resumable(session_id, resume_url, seq, self.epoch)
        self.seq = seq
        self._move(Input.READY, now)
        self._tries.identified()
        self._ready_at, self._detail = now, ""
        return []

    def resumed(self, now: float) -> list[Action]:
        """RESUMED: the replay is over, or nearly so: it may hold the RESUMED of an earlier try.
        ``dispatched`` says whether it takes a position."""
        if (self.state, Input.RESUMED) not in TRANSITIONS:
            return self.broken("RESUMED out of place", now)
        self._move(Input.RESUMED, now)
        self._tries.resumed(bool(self._resume_host))
        self._ready_at, self._detail = now, ""
        return []

    def dispatched(self, events: Sequence[FrameEvent], now: float) -> Sequence[FrameEvent] | None:
        """Return the events that take a position, as DispatchOrder says. None: no session has
        begun. seq only ever grows within a session."""
        if self.state not in IN_SESSION:
            return None
        taken = self.order.taken(events, self.seq)
        if taken:
            self.seq = taken[-1][1]
            self._resume_had_events = True
            if self.state is SessionState.RESUMING:
                self._deadline = now + DEADLINES_S[SessionState.RESUMING]
        return taken

    def _lose(
        self,
        cause: str,
        now: float,
        *,
        close: int | None = None,
        drop: bool = False,
        wait: float = 0.0,
        detail: str = "",
        asked: bool = False,
        denied: bool = False,
    ) -> list[Action]:
        """The connection is gone or given up: count it, decide whether the session is resumed, and
        wait. asked: somebody wanted it, and nothing has failed. denied: as with connect_failed."""
        if self.state not in CONNECTED:
            return []
        if self.leaving:  # however it ends: the session is over
            cause, detail, drop, asked = "refresh", "", True, True
        out: list[Action] = [do.Close(close)] if close is not None else []
        self.reconnects[cause] += 1
        self.lost_by = cause
        unreached = self.state in TRYING
        again = False
        if unreached and not asked:
            again = not self._connects.failed(
                self._resume_host, detail or cause, now, denied=denied
            )
            self._tries.host_failed(bool(self._resume_host))
        elif self.state is SessionState.IDENTIFYING:
            self._tries.identify_failed()
        elif self.state is SessionState.RESUMING and self._tries.resume_failed(
            self._resume_had_events
        ):
            drop = True
        if drop:
            out += self._drop(cause)
        # A failure to connect is paced by the queue, and proves nothing about what lies behind.
        if not unreached:
            ready_s = None if self._ready_at is None else now - self._ready_at
            least = self._tries.again(
                now - self._connect_at, ready_s, to_identify=self.resumable is None
            )
            wait = max(wait, least)
        self._detail = detail or cause
        self._move(Input.LOST, now)
        self._lost_again = again
        if asked:
            self._at_once, self._wake = True, now
        elif wait:
            self._wake = now + wait
        else:
            self._connects.join(self, self._on_turn_moved, now)
        return out

    def _drop(self, cause: str) -> list[Action]:
        """Forget the session: what follows is a new epoch."""
        if self.resumable is None:
            return []
        ended = do.EndEpoch(self.resumable.epoch, self.seq, cause)
        self.resumable, self.seq = None, -1
        self._tries.dropped()
        return [ended]

    def _move(self, cause: Input, now: float) -> None:
        """Change the state, which happens nowhere else."""
        self.state = TRANSITIONS[self.state, cause]
        self._deadline = now + DEADLINES_S.get(self.state, inf)
        self._lost_again = False
        if self.state not in BEATING:
            self._heartbeat = self._ready_at = None
            self._unread = self.leaving = False
        if self.state is not SessionState.WAITING:
            self._connects.leave(self)
            self._wake, self._at_once = None, False
