"""The life of a client's session: the shell around a Shard that has no coordinator.

It starts, resumes, replaces and ends the shard, decides when lost connections are the end, and lets
the shard identify when `identifies` grants it. What the shard delivers is ClientDelivery's, who
waits is SessionWaiters'. It knows nothing of GatewayClient, so that one which was forgotten can be
seen.
"""

from __future__ import annotations

import asyncio
import copy
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

import msgspec

from cluster.commands import Take
from cluster.discord.intents import intents_advice
from cluster.errors import ClusterError, ConnectionLostError
from cluster.wire.link import IdentifyGrant, Login, ShardPlan
from cluster.wire.states import SessionState
from shard_worker.client.client_delivery import ClientDelivery
from shard_worker.client.errors import ADVICE, closed, refusal
from shard_worker.client.event_queue import EventQueue, Received
from shard_worker.client.local_identifies import Fetch, Identifies
from shard_worker.client.waiters import SessionWaiters
from shard_worker.protocol.connect_queue import ConnectQueue
from shard_worker.protocol.session import Resumable
from shard_worker.shard import CORRUPT, Shard
from shard_worker.transport.transport import Transport

TRIES: Final = 10
"""Connections that may come to HELLO and lead to no session before a client that was never ready
gives up."""
UNREACHED_S: Final = 60.0
"""Seconds for which the gateway may not be reached before such a client gives up."""
_ENDED: Final = (SessionState.FATAL, SessionState.CLOSED)


class ClientSession:
    """One client's session, over as many shards as it takes. Made on the running event loop;
    ``close`` ends it."""

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
        self._grant_id = 0
        """The grant of the identify that is not yet answered."""
        self._fetch = fetch
        self._automatic = automatic
        self._transport = Transport(ca_file=login.ca_file, impersonate=login.impersonate)
        self._closing: asyncio.Task[None] | None = None
        self.queue = EventQueue(queue_events, self._hold, self._go_on)
        self._delivery = ClientDelivery(
            self.queue,
            resumable,
            is_ready=lambda: self._shard.state is SessionState.READY,
            on_ready=self._on_ready,
            # RESUMED may come only after so many events that somebody must take them first.
            on_events=self._settle,
        )
        self._waiters = SessionWaiters()
        self._tries: int | None = TRIES
        """Connections that may still lead to no session; None: there was one."""
        self._connects = ConnectQueue(random.random)
        self._restarting = False
        self._shard = self._new_shard(login, resumable)

    def _new_shard(self, login: Login, resumable: Resumable | None) -> Shard:
        return Shard(
            self._plan,
            login,
            self._transport,
            self._delivery,
            self,
            resumable,
            self._delivery.epoch,
            self._advice,
            self._connects,
        )

    @property
    def state(self) -> SessionState:
        return self._shard.state

    @property
    def latency(self) -> float | None:
        """Seconds of the last heartbeat's round trip; None: none was answered yet."""
        return self._shard.latency

    @property
    def shard(self) -> Shard:
        """The shard of now; ``resume`` and ``reconnect`` may make another."""
        return self._shard

    @property
    def closed(self) -> bool:
        return self._closing is not None

    @property
    def resumable(self) -> Resumable | None:
        """What is needed to go on after the last event that the user took; None: there is no
        session, or nothing of it was taken (its READY would be lost)."""
        session = self._shard.resumable
        seq = None if session is None else self._delivery.taken_seq(session.epoch)
        if session is None or seq is None:
            return None
        return msgspec.structs.replace(session, seq=seq)

    def note_taken(self, item: Received) -> None:
        """The user took this item out of the queue."""
        self._delivery.note_taken(item)

    @asynccontextmanager
    async def watch(self, watcher: Take) -> AsyncIterator[None]:
        """Call `watcher` with every dispatch as it comes, before the queue, which takes more
        meanwhile. Where the session ends first: raises why."""
        with self._delivery.watched_by(watcher):
            async with self._waiters.answer():
                yield

    # -- from the first connection to the end ------------------------------------------------------

    def start(self) -> None:
        """Begin to connect."""
        self._shard.start()

    async def ready(self) -> None:
        """Return when there is a session: READY or RESUMED has come, or an event of a replay.
        Raises why there will be none."""
        if self._shard.state is SessionState.READY:
            return
        self.queue.check()
        await self._waiters.ready()

    def resume(self) -> None:
        """Begin another connection for the session that there is."""
        self._refuse_if_closed()
        session = self._shard.resumable
        if session is None:
            raise ClusterError("there is no session to resume", "reconnect() begins another")
        self.queue.reopen()
        if self._shard.state in _ENDED:
            self._begin(session)
        else:
            self._restarting = True
            self._shard.reconnect()
            self._restarting = False

    def reconnect(self) -> None:
        """Begin another connection and another session; the one before is ended."""
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
        """Close it although nobody waits for that: the event loop may stop right after this."""
        if not self._loop.is_closed():
            self._transport.abort()
            self._loop.create_task(self.close())  # _closing keeps what it is for

    def _hold(self) -> None:
        self._shard.hold()

    def _go_on(self) -> None:
        self._shard.go_on()

    # -- the shard asks, `identifies` grants -------------------------------------------------------

    def request_grant(self, shard_id: int) -> None:
        self._identifies.request(shard_id, self._owner, self, self._fetch)

    def granted(self, grant_id: int) -> None:
        """This client may identify now."""
        self._grant_id = grant_id
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

    def _on_ready(self) -> None:
        self._identifies.accepted(self._plan.shard_id, self._grant_id)

    # -- what becomes of it ------------------------------------------------------------------------

    def changed(self) -> None:
        """The shard's state is another."""
        state = self._shard.state
        if state is SessionState.READY:
            self._settle()
        elif state is SessionState.FATAL:
            code = self._shard.report().refused or 0
            self._finish(lambda: refusal(code, self._advice))
        elif state is SessionState.WAITING and not self._restarting:
            self._lost()

    def _settle(self) -> None:
        """There is a session."""
        self._tries = None
        self._waiters.settle()

    def _lost(self) -> None:
        """The connection is gone, and the session waits for the time of the next."""
        if not self._automatic:
            self._fail(self._loss())
        elif self._tries is None:
            return
        elif self._connects.trouble:
            without_s = self._connects.unreached_s(self._loop.time())
            if without_s >= UNREACHED_S:
                self._give_up(f"gave no HELLO for {without_s:.0f} s ({self._connects.trouble})")
        else:
            self._tries -= 1
            if self._tries == 0:
                self._give_up(f"let no session begin in {TRIES} tries ({self._shard.detail})")

    def _give_up(self, cause: str) -> None:
        if self._shard.lost_by == CORRUPT:
            action = 'give another compress=, "" for none'
        else:
            action = "check the network, gateway_url and ca_file"
        self._fail(ConnectionLostError(f"the gateway {cause}", action))

    def _loss(self) -> ConnectionLostError:
        """Return the error of a connection that no other follows."""
        if self._tries is not None:
            way_out = "connect again"
        elif self._shard.resumable is None:
            way_out = "the session with it: reconnect() begins another"
        else:
            way_out = "resume() goes on with the session, reconnect() begins another"
        return ConnectionLostError(f"the connection is lost ({self._shard.detail})", way_out)

    def _fail(self, error: ClusterError) -> None:
        """No more until the user says so. The session stays resumable."""
        self._shard.stop(logout=False)
        self._identifies.gone(self._owner)
        self._finish(lambda: copy.copy(error))  # one that is raised again would grow

    def _finish(self, error: Callable[[], ClusterError]) -> None:
        self.queue.end(error)
        self._waiters.end(error)
