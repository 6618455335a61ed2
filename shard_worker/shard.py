"""One shard: the I/O shell around session.py. Does what the session asks, tells it what happened.

A slice of messages is one drain: inflated, split, checked against the session's sequence and
journalled in one go, in one turn of the loop. What fails on the way was not journalled, so RESUME
brings it again.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec

from cluster.commands import Command
from cluster.discord.intents import intents_advice
from cluster.discord.opcodes import Op
from cluster.errors import ClusterError, ConfigError
from cluster.wire.link import IdentifyGrant, Login, ShardPlan, ShardReport
from cluster.wire.states import SessionState
from shard_worker.protocol import actions as do
from shard_worker.protocol import payloads
from shard_worker.protocol.actions import Action
from shard_worker.protocol.frame import Frame, FrameError, FrameEvent, FrameReader
from shard_worker.protocol.gateway_url import gateway_url
from shard_worker.protocol.ready import BadReadyError, read_ready, without_session
from shard_worker.protocol.session import Resumable, Session
from shard_worker.sending.guild_subscriptions import GuildSubscriptions, SubscriptionsDue
from shard_worker.sending.queue import Done
from shard_worker.sending.sender import Sender
from shard_worker.transport.compression import KINDS, InflateError
from shard_worker.transport.connection import Connection
from shard_worker.transport.transport import Transport

log = logging.getLogger(__name__)


class Delivery(Protocol):
    """Where a shard's events go: its part of the journal."""

    @property
    def began_ns(self) -> int:
        """When the session's READY came: Unix ns; 0: not known."""

    @property
    def guilds(self) -> int:
        """How many guilds it named."""

    def begin_epoch(self, epoch: int, session_id: str, resume_url: str, guilds: int) -> None:
        """A new session; what is delivered from now on belongs to it."""

    def deliver(self, events: Sequence[FrameEvent], received_ns: int) -> None:
        """Journal a drain: events in the order of their seqs."""

    def end_epoch(self, cause: str) -> None:
        """The session will not be resumed."""

    def heard(self, frame: Frame) -> None:
        """A frame that is no dispatch, between the drains before and after it."""

    def handled(self, seq: int) -> int:
        """How far what was delivered up to this s is safe with whoever it was delivered to: no more
        than that is acknowledged, since Discord may forget it. -1: nothing."""


class GrantSource(Protocol):
    """What a shard says to the coordinator."""

    def request_grant(self, shard_id: int) -> None: ...

    def identify_sent(self, shard_id: int, grant_id: int) -> None: ...

    def identify_unused(self, shard_id: int, grant_id: int) -> None: ...

    def changed(self) -> None:
        """Some shard's state is another than before: report it soon."""


class Shard:
    """A shard's session, its connection and its timer. Lives on the running event loop."""

    def __init__(
        self,
        plan: ShardPlan,
        spec: Login,
        transport: Transport,
        delivery: Delivery,
        coordinator: GrantSource,
        held: Resumable | None = None,
        epoch: int = 0,
        advice: Mapping[int, str] | None = None,
    ) -> None:
        """advice: what to do about a fatal close, by its code, in the words of whoever reads it;
        None: in those of a cluster's configuration."""
        self.plan = plan
        self._spec = spec
        self._transport = transport
        self._delivery = delivery
        self._coordinator = coordinator
        self._loop = asyncio.get_running_loop()
        self._token = spec.token
        """A user account's READY may bring another."""
        self._session = Session(
            self._loop.time(),
            random=random.random,
            held=held,
            epoch=epoch,
            advice=intents_advice(spec.intents, spec.kind) if advice is None else advice,
        )
        self._frames = FrameReader()
        self._outgoing = Sender(
            plan.shard_id, spec, self._session, self._loop.time, delivery.handled
        )
        self._subscriptions = GuildSubscriptions(spec.subscribe_guilds)
        self._connection: Connection | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._armed: float | None = None
        """When the timer goes off."""
        self._seen = self._session.state
        self._events = 0

    @property
    def state(self) -> SessionState:
        return self._session.state

    @property
    def token(self) -> str:
        """What the next identify or resume is sent with."""
        return self._token

    @property
    def resumable(self) -> Resumable | None:
        """The session as it is now, for whoever resumes it; None: there is none."""
        held = self._session.held
        return None if held is None else msgspec.structs.replace(held, seq=self._session.seq)

    @property
    def latency(self) -> float | None:
        """Seconds of the last heartbeat's round trip; None: none was answered yet."""
        return self._session.latency

    @property
    def events(self) -> int:
        """Dispatches journalled since the worker started."""
        return self._events

    def start(self) -> None:
        """Begin to connect."""
        self._tick()

    def stop(self, *, logout: bool, cause: str = "logout") -> None:
        """Close the connection: resumable, or for good, which is the end of the epoch."""
        self._do(self._session.stop(self._loop.time(), logout=logout, cause=cause))

    def reconnect(self) -> None:
        """Another connection, at once; a shard that has given up tries anew."""
        self._do(self._session.reconnect(self._loop.time()))

    def hold(self) -> None:
        """Read nothing for now: nobody takes what comes. Heartbeats go on. A new connection reads
        again."""
        if self._connection is not None:
            self._session.hold(self._loop.time())
            self._connection.hold()

    def go_on(self) -> None:
        """Read again."""
        if self._connection is not None:
            self._session.go_on(self._loop.time())
            self._connection.go_on()

    def granted(self, grant: IdentifyGrant) -> None:
        """The coordinator's leave to identify."""
        self._do(self._session.granted(grant.grant_id, grant.epoch, self._loop.time()))

    def ask_again(self) -> None:
        """Repeat a request that a coordinator may not have heard, or forgotten in a restart."""
        if self._session.state is SessionState.AWAITING_GRANT:
            self._coordinator.request_grant(self.plan.shard_id)

    def send(self, command: Command, done: Done) -> None:
        """Send a command in its turn. `done` is called once, at once or later: with None when the
        command was handed to the connection, or with the error for which it was not (BusyError,
        NotSentError, PayloadTooLargeError)."""
        self._outgoing.command(command, done)
        self._do([])

    def report(self) -> ShardReport:
        """The shard as it is now."""
        session = self._session
        return ShardReport(
            shard_id=self.plan.shard_id,
            state=session.state,
            epoch=session.epoch,
            seq=session.seq,
            events=self._events,
            session_age_s=self._age_s() if session.held else None,
            heartbeat_ms=None if session.latency is None else session.latency * 1000,
            guilds=self._delivery.guilds if session.held else 0,
            reconnects=dict(session.reconnects),
            detail=session.detail,
            refused=session.refused,
        )

    def _age_s(self) -> float | None:
        """Of the session, not of this process: its beginning is in the journal."""
        began_ns = self._delivery.began_ns
        return max(0.0, (time.time_ns() - began_ns) / 1e9) if began_ns else None

    # -- what the session asks for -------------------------------------------------------------

    def _do(self, actions: Sequence[Action]) -> None:
        for action in actions:
            self._act(action)
        self._outgoing.flush(self._connection)
        self._arm()
        if self._session.state is not self._seen:
            self._seen = self._session.state
            log.log(
                logging.WARNING if self._seen is SessionState.FATAL else logging.INFO,
                "shard %d: %s%s",
                self.plan.shard_id,
                self._seen.value,
                f": {self._session.detail}" if self._session.detail else "",
            )
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
                payload = payloads.identify(self._spec, self.plan, self._token)
                self._outgoing.first(self._connection, payload)
                self._coordinator.identify_sent(shard_id, grant_id)
            case do.SendResume(session_id, seq):
                payload = payloads.resume(self._token, session_id, seq)
                self._outgoing.first(self._connection, payload)
            case do.SendHeartbeat(seq):
                self._outgoing.heartbeat(self._connection, seq)
                self._subscriptions.beat()
            case do.Close(code):
                if self._connection is not None:
                    self._connection.close(code)
                    self._connection = None
            case do.EndEpoch(epoch, seq, cause):
                wanted = self._session.state is SessionState.CLOSED
                level = logging.INFO if wanted else logging.WARNING
                log.log(level, "shard %d: epoch %d ends at %d: %s", shard_id, epoch, seq, cause)
                self._delivery.end_epoch(cause)
            case do.GiveUp():
                self._connection = None

    def _connect(self, url: str) -> None:
        spec = self._spec
        try:
            target = gateway_url(url or spec.gateway_url, spec.api_version, spec.compress)
        except ConfigError as error:
            # Only a server's resume URL can be wrong here: the main one was checked at the start.
            log.warning("shard %d: %s", self.plan.shard_id, error)
            target = gateway_url(spec.gateway_url, spec.api_version, spec.compress)
        self._frames.connect(KINDS[spec.compress]())
        self._outgoing.connect()
        self._subscriptions.connecting()
        self._connection = self._transport.connect(target, self)

    def _tick(self) -> None:
        self._timer = self._armed = None
        self._do(self._session.tick(self._loop.time()))

    def _arm(self) -> None:
        """One timer, at the time when the session wants to be called, or a command may go out."""
        moments = (self._session.due, self._outgoing.due)
        due = min((at for at in moments if at is not None), default=None)
        if due == self._armed:
            return
        # Kept apart from the timer: what uvloop makes for a moment that is now has no when().
        self._armed = due
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if due is not None:
            self._timer = self._loop.call_at(due, self._tick)

    # -- what the connection brings ------------------------------------------------------------

    def on_connected(self) -> None:
        self._do(self._session.connected(self._loop.time()))

    def on_connect_failed(self, cause: str) -> None:
        self._connection = None
        self._do(self._session.connect_failed(cause, self._loop.time()))

    def on_closed(self, code: int | None, cause: str) -> None:
        self._connection = None
        self._do(self._session.closed(code, self._loop.time(), cause))

    def on_broken(self, cause: str) -> None:
        self._do(self._session.broken("protocol error", self._loop.time(), cause))

    def on_messages(self, messages: list[bytes], texts: list[int]) -> None:
        """A drain."""
        received_ns = time.time_ns()
        now = self._loop.time()
        try:
            parts = self._frames.read(messages, texts)
        except (InflateError, FrameError) as error:
            self._do(self._session.broken("corrupt stream", now, str(error)))
            return
        run: list[FrameEvent] = []
        for part in parts:
            if isinstance(part, Frame):
                # A frame may end the session or begin one: what came before it is journalled first.
                run = self._drain(run, received_ns)
                self._frame(part, now, received_ns)
            else:
                taken = self._session.dispatched(part, now)
                if taken is None:
                    self._do(self._session.broken("dispatch out of place", now, part[0][0]))
                else:
                    run.extend(taken)
            if self._connection is None:
                break
        self._drain(run, received_ns)
        # Not armed anew: events move no moment but the end of a replay, and only to later; the
        # timer then comes too early, which does no harm.

    def _drain(self, events: list[FrameEvent], received_ns: int) -> list[FrameEvent]:
        if events:
            if self._spec.kind == "user" and self._session.held is not None:
                events = without_session(events, self._session.held.session_id)
            self._delivery.deliver(events, received_ns)
            self._events += len(events)
        return []

    def _frame(self, frame: Frame, now: float, received_ns: int) -> None:
        session = self._session
        if frame.op != Op.DISPATCH:
            self._delivery.heard(frame)
            if frame.op == Op.HEARTBEAT_ACK:
                self._subscriptions.acknowledged()
            actions = session.frame(frame, now)
            if frame.op == Op.HELLO and session.heartbeat_interval is not None:
                self._outgoing.reserve(session.heartbeat_interval)
            self._do(actions)
            return
        if frame.name == "READY":
            self._ready(frame, now, received_ns)
            return
        self._do(session.resumed(now))
        if self._connection is not None and session.state is SessionState.READY:
            event = (frame.name, frame.seq, frame.data)
            self._drain(list(session.dispatched([event], now) or ()), received_ns)
            self._subscribe(self._subscriptions.resumed())

    def _ready(self, frame: Frame, now: float, received_ns: int) -> None:
        try:
            ready = read_ready(frame.data)
        except BadReadyError as error:
            self._do(self._session.broken("bad READY", now, str(error)))
            return
        self._do(self._session.ready(ready.session_id, ready.resume_url, frame.seq, now))
        if self._connection is None or self._session.state is not SessionState.READY:
            return
        if ready.auth_token:
            self._token = ready.auth_token
            log.warning(
                "shard %d: Discord gave this account a new token, which is used from now on, and "
                "kept nowhere: after a restart the one that was configured is tried again",
                self.plan.shard_id,
            )
        self._delivery.begin_epoch(
            self._session.epoch, ready.session_id, ready.resume_url, ready.guilds
        )
        self._drain([(frame.name, frame.seq, ready.blanked)], received_ns)
        self._subscribe(self._subscriptions.ready(frame.data))

    def _subscribe(self, wanted: SubscriptionsDue) -> None:
        if wanted.trouble:
            log.warning("shard %d: %s", self.plan.shard_id, wanted.trouble)
        for command in wanted.commands:
            self.send(command, self._on_subscribed)

    def _on_subscribed(self, error: ClusterError | None) -> None:
        if error is not None:
            log.warning("shard %d: guilds were not subscribed to: %s", self.plan.shard_id, error)
