"""One shard: the I/O shell around session.py. It does what the session asks, and says to it what
happened.

A slice of messages is one drain: inflated, split, checked against the session's sequence and
delivered in one go, while no other task runs. What fails on the way was not delivered, so RESUME
brings it again.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Final

import msgspec

from cluster.commands import Command
from cluster.discord.intents import intents_advice
from cluster.discord.opcodes import Op
from cluster.errors import ClusterError, ConfigError
from cluster.wire.link import IdentifyGrant, Login, ShardPlan, ShardReport
from cluster.wire.states import SessionState
from shard_worker.intake import Intake
from shard_worker.interfaces import Delivery, GrantSource
from shard_worker.protocol import actions as do
from shard_worker.protocol import payloads
from shard_worker.protocol.actions import Action
from shard_worker.protocol.connect_queue import ConnectQueue
from shard_worker.protocol.frame import (
    LISTS_SESSIONS,
    Frame,
    FrameError,
    FrameEvent,
    Part,
    Unplaced,
)
from shard_worker.protocol.frame_reader import FrameReader
from shard_worker.protocol.gateway_url import gateway_url
from shard_worker.protocol.latencies import Latencies
from shard_worker.protocol.ready import BadReadyError, read_ready, without_session
from shard_worker.protocol.session import Resumable, Session
from shard_worker.sending.guild_subscriptions import GuildSubscriptions, SubscriptionsDue
from shard_worker.sending.queue import Done
from shard_worker.sending.sender import Sender
from shard_worker.shard_log import ShardLog
from shard_worker.shard_news import ShardNews, Tally
from shard_worker.timer import MovableTimer
from shard_worker.transport.compression import KINDS, InflateError
from shard_worker.transport.connection import Connection
from shard_worker.transport.transport import Transport

CORRUPT: Final = "corrupt stream"
"""The cause of a loss where what came can't be inflated, or is no JSON."""

SETTLED: Final = (SessionState.AWAITING_GRANT, SessionState.READY)
"""States that last, in which what comes may wait in its socket for a moment. A grant may take
minutes, and its identify ends that."""

log = logging.getLogger(__name__)


class Shard:
    """A shard's session, its connection and its timer. Lives on the running event loop."""

    def __init__(
        self,
        plan: ShardPlan,
        login: Login,
        transport: Transport,
        delivery: Delivery,
        coordinator: GrantSource,
        resumable: Resumable | None = None,
        epoch: int = 0,
        advice: Mapping[int, str] | None = None,
        connects: ConnectQueue | None = None,
        tally: Tally | None = None,
        latencies: Latencies | None = None,
        may_hold: Callable[[], bool] | None = None,
    ) -> None:
        """resumable: the session to go on with. epoch: the newest one known of the shard. advice:
        what to do about a fatal close, by its code, in the words of whoever reads it; None: in
        those of a cluster's configuration. connects: where all shards of the process wait for their
        turn to connect; tally: what all of them have brought; latencies: where the heartbeats of
        all of them are counted. None: there is no other, and nobody asks. may_hold: is asked right
        before whatever only the shard's owner may do: connect, identify, resume, begin an epoch or
        end one. Where it says no, another host may have the shard, and this one is stopped soon.
        None: it always may."""
        self.plan = plan
        self._login = login
        self._transport = transport
        self._delivery = delivery
        self._coordinator = coordinator
        self._loop = asyncio.get_running_loop()
        self._token = login.token
        """A user account's READY may bring another."""
        self._session = Session(
            self._loop.time(),
            random=random.random,
            resumable=resumable,
            epoch=epoch,
            advice=intents_advice(login.intents, login.kind) if advice is None else advice,
            connects=connects,
            on_turn_moved=self._set_timer,
            latencies=latencies,
        )
        self._log = ShardLog(plan.shard_id)
        self._frames = FrameReader()
        self._sender = Sender(
            plan.shard_id, login, self._session, self._loop.time, delivery.handled, may_hold
        )
        self._may_hold = may_hold
        self._subscriptions = GuildSubscriptions(login.subscribe_guilds)
        self._connection: Connection | None = None
        self._timer = MovableTimer(self._tick)
        self._reported_state = self._session.state
        self.news = ShardNews(
            plan.shard_id, self._session, delivery, tally or Tally(), self._loop.time()
        )
        self._intake = Intake(self._session, delivery, self.news, self._log)

    @property
    def state(self) -> SessionState:
        return self._session.state

    @property
    def detail(self) -> str:
        """Why the session is not ready, for people; empty: nothing has gone wrong."""
        return self._session.detail

    @property
    def lost_by(self) -> str:
        """The cause of the last lost connection, in a word or two; empty: none was lost."""
        return self._session.lost_by

    @property
    def token(self) -> str:
        """What the next identify or resume is sent with."""
        return self._token

    @property
    def resumable(self) -> Resumable | None:
        """The session as it is now, for whoever resumes it; None: there is none."""
        session = self._session.resumable
        return None if session is None else msgspec.structs.replace(session, seq=self._session.seq)

    @property
    def latency(self) -> float | None:
        """Seconds of the last heartbeat's round trip; None: none was answered yet."""
        return self._session.latency

    def start(self) -> None:
        """Begin to connect."""
        self._tick()

    def stop(self, *, logout: bool, cause: str = "logout") -> None:
        """Close the connection. logout: end the session, and its epoch with this cause; else it
        stays resumable."""
        self._do(self._session.stop(self._loop.time(), logout=logout, cause=cause))

    def reconnect(self, *, identify: bool = False) -> None:
        """Begin another connection at once; a shard that has given up tries anew. identify: end the
        session, and begin another one."""
        self._do(self._session.reconnect(self._loop.time(), identify=identify))

    def hold(self) -> None:
        """Read nothing for now, since nobody takes what comes. Heartbeats go on. A new connection
        is read again."""
        if self._connection is not None:
            self._session.hold(self._loop.time())
            self._connection.hold()

    def go_on(self) -> None:
        """Read again."""
        if self._connection is not None:
            self._session.go_on(self._loop.time())
            self._connection.go_on()

    def granted(self, grant: IdentifyGrant) -> None:
        """Identify: the coordinator has granted it."""
        self._do(self._session.granted(grant.grant_id, grant.epoch, self._loop.time()))

    def ask_again(self) -> None:
        """Repeat a request that a coordinator may not have heard, or forgotten in a restart."""
        if self._session.state is SessionState.AWAITING_GRANT:
            self._coordinator.request_grant(self.plan.shard_id)

    def send(self, command: Command, done: Done) -> None:
        """Send a command when those before it are sent. `done` is called once, at once or later:
        with None when the command was handed to the connection, or with the error for which it was
        not (BusyError, NotSentError, PayloadTooLargeError)."""
        self._sender.command(command, done)
        self._do([])

    def report(self) -> ShardReport:
        """Return how the shard is now."""
        return self.news.report(self._loop.time())

    # -- what the session asks for -------------------------------------------------------------

    def _do(self, actions: Sequence[Action]) -> None:
        self.news.renew()
        for action in actions:
            self._act(action)
        self._sender.flush(self._connection)
        self._set_timer()
        state = self._session.state
        if state is not self._reported_state:
            self._reported_state = state
            if self._connection is not None:
                self._connection.settled(state in SETTLED)
            self._log.state(self._session, self._loop.time())
            self._coordinator.changed()

    def _act(self, action: Action) -> None:
        shard_id = self.plan.shard_id
        match action:
            case do.Connect(url):
                self._connect(url)
            case do.RequestGrant():
                self._coordinator.request_grant(shard_id)
            case do.ReturnGrant(grant_id):
                self._coordinator.identify_unused(shard_id, grant_id)
            case do.SendIdentify(grant_id, _):
                payload = payloads.identify(self._login, self.plan, self._token)
                fate = partial(self._identify_left, grant_id)
                self._sender.first(self._connection, payload, fate)
            case do.SendResume(session_id, seq):
                payload = payloads.resume(
                    self._token, session_id, self._delivery.resumed_after(seq)
                )
                self._sender.first(self._connection, payload)
            case do.SendHeartbeat(seq):
                self._sender.heartbeat(self._connection, seq)
                self._subscriptions.heartbeat_sent()
            case do.Close(code):
                if self._connection is not None:
                    self._connection.close(code)
                    self._connection = None
            case do.Leave(code):
                if self._connection is not None:
                    self._connection.leave(code)
            case do.EndEpoch(epoch, seq, cause):
                wanted = self._session.state is SessionState.CLOSED
                level = logging.INFO if wanted else logging.WARNING
                if self._is_held():
                    log.log(level, "shard %d: epoch %d ends at %d: %s", shard_id, epoch, seq, cause)
                    self._delivery.end_epoch(cause)
            case do.GiveUp():
                self._connection = None

    def _is_held(self) -> bool:
        """Return whether the shard is this process's still, as far as it may know."""
        return self._may_hold is None or self._may_hold()

    def _identify_left(self, grant_id: int, sent: bool) -> None:
        """Tell what became of an identify when it is known: the 5 s of its bucket run from when it
        leaves this process, which may be later than now on a loaded machine."""
        coordinator = self._coordinator
        say = coordinator.identify_sent if sent else coordinator.identify_unused
        say(self.plan.shard_id, grant_id)

    def _connect(self, url: str) -> None:
        login = self._login
        try:
            target = gateway_url(url or login.gateway_url, login.api_version, login.compress)
        except ConfigError as error:
            # Only a server's resume URL can be wrong here: the main one was checked at the start.
            log.warning("shard %d: %s", self.plan.shard_id, error)
            target = gateway_url(login.gateway_url, login.api_version, login.compress)
        self._frames.connect(KINDS[login.compress]())
        self._sender.connect()
        self._subscriptions.connecting()
        self._connection = self._transport.connect(target, self)

    def _tick(self) -> None:
        """Do what time demands, which may be to connect. Where the shard may not be held yet, it is
        `start` that begins, though a command that waits has set the timer before."""
        if self._is_held():
            self._do(self._session.tick(self._loop.time()))

    def _set_timer(self) -> None:
        """Be called when the session wants to be, or a command may go out, whichever is first."""
        moments = (self._session.due, self._sender.due)
        self._timer.set(min((due for due in moments if due is not None), default=None))

    # -- what the connection brings ------------------------------------------------------------

    def on_connected(self) -> None:
        self._do(self._session.connected(self._loop.time()))

    def on_connect_failed(self, cause: str, *, denied: bool) -> None:
        self._connection = None
        self._do(self._session.connect_failed(cause, self._loop.time(), denied=denied))

    def on_closed(self, code: int | None, cause: str) -> None:
        self._connection = None
        self._do(self._session.closed(code, self._loop.time(), cause))

    def on_broken(self, cause: str) -> None:
        self._do(self._session.broken("protocol error", self._loop.time(), cause))

    def on_message(self, payload: bytes) -> None:
        """Deliver a message that came alone: as a slice of it, with less around it."""
        received_ns = time.time_ns()
        now = self._loop.time()
        self._session.heard()
        try:
            found = self._frames.one(payload)
        except (InflateError, FrameError) as error:
            self._do(self._session.broken(CORRUPT, now, str(error)))
            return
        if isinstance(found, list):
            self._take(found, now, received_ns)
        else:
            intake = self._intake
            intake.deliver(intake.placed([found], now), now, received_ns)

    def on_messages(self, messages: list[bytes], texts: list[int]) -> None:
        """Deliver a slice of messages as one drain, or two around a frame that is no dispatch."""
        if len(messages) == 1 and not texts:
            self.on_message(messages[0])
            return
        received_ns = time.time_ns()
        now = self._loop.time()
        self._session.heard()
        try:
            parts = self._frames.read(messages, texts)
        except (InflateError, FrameError) as error:
            self._do(self._session.broken(CORRUPT, now, str(error)))
            return
        self._take(parts, now, received_ns)

    def _take(self, parts: Sequence[Part], now: float, received_ns: int) -> None:
        """Deliver what was read: dispatches that follow each other are one drain."""
        run, intake = list[FrameEvent](), self._intake
        for part in parts:
            if isinstance(part, Frame):
                # A frame may end the session or begin one: what came before it is journalled first.
                intake.deliver(run, now, received_ns)
                run = []
                self._frame(part, now, received_ns)
            elif isinstance(part, Unplaced):
                intake.leave_out(part)
            else:
                run.extend(intake.placed(part, now))
            if self._connection is None:
                break
        intake.deliver(run, now, received_ns)
        # The timer is not set anew: events move no moment but the end of a replay, and only to
        # later; it then comes too early, which does no harm.

    def _frame(self, frame: Frame, now: float, received_ns: int) -> None:
        session = self._session
        if frame.op != Op.DISPATCH:
            self._delivery.heard(frame)
            if frame.op == Op.HEARTBEAT_ACK:
                self._subscriptions.heartbeat_acknowledged()
            outage = session.outage
            waited_s = 0.0 if self._connection is None else self._connection.waited_s
            actions = session.frame(frame, now, waited_s)
            if frame.op == Op.HELLO and session.heartbeat_interval is not None:
                self._sender.reserve(session.heartbeat_interval)
            if outage is not None and session.outage is None:
                self._log.reached(outage, now)
            self._do(actions)
            return
        if frame.name == "READY":
            self._ready(frame, now, received_ns)
            return
        if frame.name == LISTS_SESSIONS:
            known = session.resumable
            data = without_session(frame.data, known.session_id) if known else frame.data
            events = self._intake.placed([(frame.name, frame.seq, data)], now)
            self._intake.deliver(events, now, received_ns)
            return
        self._do(session.resumed(now))
        if self._connection is not None and session.state is SessionState.READY:
            event = (frame.name, frame.seq, frame.data)
            self._intake.deliver(session.dispatched([event], now) or (), now, received_ns)
            self._subscribe(self._subscriptions.resumed())

    def _ready(self, frame: Frame, now: float, received_ns: int) -> None:
        try:
            ready = read_ready(frame.data)
        except BadReadyError as error:
            self._do(self._session.broken("bad READY", now, str(error)))
            return
        if frame.seq < 0:
            log.warning("shard %d: READY has no usable s, and counts as 0", self.plan.shard_id)
        if not self._is_held():
            self.stop(logout=True)  # nobody else knows of this session, nor will resume it
            return
        seq = max(frame.seq, 0)
        self._do(self._session.ready(ready.session_id, ready.resume_url, seq, now))
        if self._connection is None or self._session.state is not SessionState.READY:
            return
        if ready.auth_token:
            self._token = ready.auth_token
            log.warning(
                "shard %d: Discord gave this account a new token, which is used from now on, and "
                "kept nowhere: after a restart the one that was configured is tried again",
                self.plan.shard_id,
            )
        self.news.began_at = now
        self._delivery.begin_epoch(
            self._session.epoch, ready.session_id, ready.resume_url, ready.guilds
        )
        self._intake.deliver([(frame.name, seq, ready.blanked)], now, received_ns)
        self._subscribe(self._subscriptions.ready(frame.data))

    def _subscribe(self, due: SubscriptionsDue) -> None:
        if due.warning:
            log.warning("shard %d: %s", self.plan.shard_id, due.warning)
        for command in due.commands:
            self.send(command, self._on_subscribed)

    def _on_subscribed(self, error: ClusterError | None) -> None:
        if error is not None:
            log.warning("shard %d: guilds were not subscribed to: %s", self.plan.shard_id, error)
