"""A client's session in its own process: the shell around a Shard that has no coordinator.

It is both ends that a Shard talks to. As its Delivery it puts what comes into a bounded queue, and
holds the shard while that is full; as its Coordinator it grants by the limiter that all clients of
this process share. It knows nothing of GatewayClient, so that one which was forgotten can be seen.
"""

from __future__ import annotations

import asyncio
import copy
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Final

import msgspec

from cluster.discord.intents import intents_advice
from cluster.discord.opcodes import Op
from cluster.errors import (
    ClusterError,
    ConnectionLostError,
)
from cluster.wire.link import IdentifyGrant, Login, ShardPlan
from shard_worker.client.errors import ADVICE, closed, refusal
from shard_worker.client.event_queue import EventQueue, Received, received
from shard_worker.client.local_identifies import Fetch, Identifies
from shard_worker.protocol.frame import Frame, FrameEvent
from shard_worker.protocol.session import Resumable
from shard_worker.protocol.states import State
from shard_worker.shard import Shard
from shard_worker.transport.transport import Transport

TRIES: Final = 10
"""Connections that may fail before a client that was never ready gives up."""
TOLD: Final = (Op.RECONNECT, Op.HEARTBEAT_ACK)
"""Frames besides dispatches that are events."""
_ENDED: Final = (State.FATAL, State.CLOSED)
Take = Callable[[str, bytes], None]


class ClientSession:
    """Made on the running event loop; ``close`` ends it."""

    def __init__(
        self,
        login: Login,
        plan: ShardPlan,
        *,
        identifies: Identifies,
        fetch: Fetch,
        queue_events: int,
        automatic: bool,
        resumable: Resumable | None,
    ) -> None:
        """fetch: asks Discord how many identifies are left. automatic: a connection that is lost is
        followed by another. resumable: the session to resume."""
        self._loop = asyncio.get_running_loop()
        self._login = login
        self._advice = ADVICE | intents_advice(login.intents, login.kind)
        self._plan = plan
        self._identifies = identifies
        self._owner = identifies.owner()
        self._fetch = fetch
        self._automatic = automatic
        self._transport = Transport(ca_file=login.ca_file, impersonate=login.impersonate)
        self._closing: asyncio.Task[None] | None = None
        self.queue = EventQueue(queue_events, self._hold, self._go_on)
        self._takers: list[Take] = []
        self._limits: list[asyncio.Timeout] = []
        """Of those who wait for an answer."""
        self._end: Callable[[], ClusterError] = closed
        """What the last end was, if there was one."""
        self._settling: list[asyncio.Future[None]] = []
        self._tries: int | None = TRIES
        self._restarting = False
        self._grant = 0
        """Of the identify that is not yet answered."""
        self.began_ns = 0
        self.guilds = 0
        self._given: tuple[int, int] | None = (
            (resumable.epoch, resumable.seq) if resumable else None
        )
        """Epoch and seq of the last dispatch that the user was given."""
        self._epoch = resumable.epoch if resumable else 0
        self._last = resumable.seq if resumable else None
        """s of the last dispatch of this epoch that came."""
        self._shard = self._new_shard(login, resumable)

    # -- its life ------------------------------------------------------------------------------

    def _new_shard(self, login: Login, resumable: Resumable | None) -> Shard:
        return Shard(
            self._plan, login, self._transport, self, self, resumable, self._epoch, self._advice
        )

    @property
    def state(self) -> State:
        return self._shard.state

    @property
    def latency(self) -> float | None:
        return self._shard.latency

    @property
    def shard(self) -> Shard:
        """Another one after ``resume`` and ``reconnect``."""
        return self._shard

    @property
    def closed(self) -> bool:
        return self._closing is not None

    @property
    def resumable(self) -> Resumable | None:
        """What is needed to go on after the last event that was given out; None: there is no
        session, or nothing of it was given out (its READY would be lost)."""
        held = self._shard.resumable
        if held is None or self._given is None or held.epoch != self._given[0]:
            return None
        return msgspec.structs.replace(held, seq=self._given[1])

    def gave(self, item: Received) -> None:
        """The user was given this."""
        if item.seq >= 0:
            self._given = item.epoch, item.seq

    def start(self) -> None:
        self._shard.start()

    async def ready(self) -> None:
        """Return when there is a session: READY or RESUMED has come, or an event of a replay.
        Raises why there will be none."""
        if self._shard.state is State.READY:
            return
        self.queue.check()
        waiter: asyncio.Future[None] = self._loop.create_future()
        self._settling.append(waiter)
        try:
            await waiter
        finally:
            self._settling.remove(waiter)

    def resume(self) -> None:
        """Another connection for the session that there is."""
        self._refuse_if_closed()
        held = self._shard.resumable
        if held is None:
            raise ClusterError("there is no session to resume", "reconnect() begins another")
        self.queue.reopen()
        if self._shard.state in _ENDED:
            self._begin(held)
        else:
            self._restarting = True
            self._shard.reconnect()
            self._restarting = False

    def reconnect(self) -> None:
        """Another connection and another session; the one before is ended."""
        self._refuse_if_closed()
        self._restarting = True
        self._shard.stop(logout=True, cause="reconnect")
        self._restarting = False
        self._identifies.gone(self._owner)
        self.queue.reopen()
        self._begin(None)

    def _begin(self, resumable: Resumable | None) -> None:
        login = msgspec.structs.replace(self._login, token=self._shard.token)
        self._shard = self._new_shard(login, resumable)
        self._shard.start()

    def _refuse_if_closed(self) -> None:
        if self.closed:
            raise closed()

    async def close(self, *, logout: bool = False) -> None:
        """End it; the session stays resumable unless logout. Calling it again waits for the end."""
        if self._closing is None:
            self._shard.stop(logout=logout)
            self._identifies.gone(self._owner)
            if not logout:
                self.queue.clear()  # RESUME brings it again
            self._finish(closed)
            self._closing = self._loop.create_task(self._transport.close())
        await asyncio.shield(self._closing)

    def abandon(self) -> None:
        """Close it although nobody waits for that: the loop may have no more than this turn."""
        if not self._loop.is_closed():
            self._transport.abort()
            self._loop.create_task(self.close())  # _closing keeps what it is for

    # -- what the user does --------------------------------------------------------------------

    @asynccontextmanager
    async def watch(self, take: Take) -> AsyncIterator[None]:
        """Tell every dispatch as it comes, before the queue; that takes more meanwhile. Where the
        end comes first: raises what that says."""
        self._takers.append(take)
        self.queue.stretch(1)
        limit = asyncio.timeout(None)
        self._limits.append(limit)
        try:
            async with limit:
                yield
        except TimeoutError:
            if limit.expired():
                raise self._end() from None
            raise
        finally:
            self._limits.remove(limit)
            self._takers.remove(take)
            self.queue.stretch(-1)

    def _hold(self) -> None:
        self._shard.hold()

    def _go_on(self) -> None:
        self._shard.go_on()

    # -- what the shard delivers ---------------------------------------------------------------

    def begin_epoch(self, epoch: int, session_id: str, resume_url: str, guilds: int) -> None:
        """READY has come."""
        self._epoch, self._last = epoch, None
        self.guilds = guilds
        self._identifies.accepted(self._plan.shard_id, self._grant)

    def deliver(self, events: Sequence[FrameEvent], received_ns: int) -> None:
        """A drain."""
        for take in self._takers:
            for name, _, data in events:
                take(name, data)
        # RESUMED may come only after so many events that somebody must take them first.
        self._settle(None)
        self.queue.put(received(events, self._epoch, self._last))
        self._last = events[-1][1]

    def heard(self, frame: Frame) -> None:
        """A frame that is no dispatch. What comes before READY is of no session."""
        if frame.op in TOLD and self._shard.state is State.READY:
            self.queue.put([Received(frame.op, "", -1, frame.data, self._epoch)])

    def handled(self, seq: int) -> int:
        """What the user was given: `session` says no more than that, to whoever resumes it."""
        epoch, given = self._given or (0, -1)
        return min(seq, given) if epoch == self._epoch else -1

    def end_epoch(self, cause: str) -> None:
        """The READY of the next one tells the user."""

    # -- what the shard asks for ---------------------------------------------------------------

    def request_grant(self, shard_id: int) -> None:
        self._identifies.request(shard_id, self._owner, self, self._fetch)

    def granted(self, grant_id: int) -> None:
        """This client's turn."""
        self._grant = grant_id
        shard_id = self._plan.shard_id
        # The session counts its epochs by itself.
        self._shard.granted(IdentifyGrant(shard_id=shard_id, grant_id=grant_id, epoch=1))

    def refused(self, error: ClusterError) -> None:
        """There are no identifies."""
        self._fail(error)

    def identify_sent(self, shard_id: int, grant_id: int) -> None:
        self._identifies.sent(shard_id, grant_id)

    def identify_unused(self, shard_id: int, grant_id: int) -> None:
        self._identifies.unused(shard_id, grant_id)

    def changed(self) -> None:
        """The shard's state is another."""
        state = self._shard.state
        if state is State.READY:
            self._settle(None)
        elif state is State.FATAL:
            code = self._shard.report().refused or 0
            self._finish(lambda: refusal(code, self._advice))
        elif state is State.WAITING and not self._restarting:
            self._lost()

    def _lost(self) -> None:
        """The connection is gone, and the session waits for the time of the next."""
        if self._tries is not None:
            self._tries -= 1
        if self._automatic and self._tries != 0:
            return
        cause = self._shard.report().detail.partition("; next try in")[0]
        if self._automatic:
            self._fail(
                ConnectionLostError(
                    f"the gateway could not be reached in {TRIES} tries ({cause})",
                    "check the network, gateway_url and ca_file",
                )
            )
        else:
            if self._tries is not None:
                way_out = "connect again"
            elif self._shard.resumable is None:
                way_out = "the session with it: reconnect() begins another"
            else:
                way_out = "resume() goes on with the session, reconnect() begins another"
            self._fail(ConnectionLostError(f"the connection is lost ({cause})", way_out))

    def _fail(self, error: ClusterError) -> None:
        """No more until the user says so. The session stays resumable."""
        self._shard.stop(logout=False)
        self._identifies.gone(self._owner)
        self._finish(lambda: copy.copy(error))  # one that is raised again would grow

    def _finish(self, error: Callable[[], ClusterError]) -> None:
        self.queue.end(error)
        self._settle(error)
        self._end = error
        for limit in self._limits:
            if not limit.expired():
                limit.reschedule(self._loop.time())

    def _settle(self, error: Callable[[], ClusterError] | None) -> None:
        """Those who wait for the session need wait no more."""
        if error is None:
            self._tries = None
        for waiter in self._settling:
            if waiter.done():
                continue
            if error is None:
                waiter.set_result(None)
            else:
                waiter.set_exception(error())
