"""GatewayClient: one gateway session in your own process, without a cluster.

    async with GatewayClient.connect(token, intents="guild_messages") as client:
        async for event in client:
            match event:
                case MessageCreate(message=message):
                    print(message.content)

It runs the same session, transport and inflater as a worker's shards. Nothing is journalled: what
was received and not handled is gone with the process, unless `session` was saved and is handed to
the next `connect`.
"""

from __future__ import annotations

import asyncio
import os
import warnings
from collections.abc import Iterable
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Any, Final, Literal, Self

from cluster.commands import Command, Commands, Take
from cluster.discord.account import LARGE_THRESHOLD, new_launch
from cluster.errors import ClientClosedError, ClusterError
from cluster.events import GatewayEvent
from cluster.loops import check_loop
from cluster.wire.link import Login
from cluster.wire.states import SessionState
from shard_worker.client.arguments import (
    Capable,
    Compress,
    Intended,
    addresses,
    checked_account,
    given_token,
    known_api_version,
    known_browser,
    known_compression,
    queue_bound,
    saved_session,
    shard_plan,
    subscribed_guilds,
)
from shard_worker.client.brokered_identifies import IdentifyBroker
from shard_worker.client.client_session import ClientSession
from shard_worker.client.connecting import Connecting
from shard_worker.client.errors import closed
from shard_worker.client.event_queue import Received
from shard_worker.client.events import typed
from shard_worker.client.options import Options
from shard_worker.protocol import payloads
from shard_worker.protocol.session import Resumable
from shard_worker.sending.limiter import check_size

QUEUE_EVENTS: Final = 1000
"""Events that wait for `next_event` unless `connect` is given another number."""


class GatewayClient(Commands):
    """One session, ready. Made by `connect`; used on the event loop that it was made on: who waits
    for it on another one is given a ClusterError.

    Every command (`update_presence`, `request_guild_members`, `bulk_guild_subscribe` ...) is a
    method: see cluster.commands.Commands.
    """

    def __init__(self, session: ClientSession) -> None:
        """Use `connect`."""
        self._session = session
        self._loop = asyncio.get_running_loop()

    @staticmethod
    def connect(
        token: str,
        *,
        intents: Intended | None = None,
        shard: tuple[int, int] | None = None,
        capabilities: Capable | None = None,
        client_build_number: int | None = None,
        subscribe_guilds: Literal["all"] | Iterable[int] = (),
        presence: dict[str, Any] | None = None,
        large_threshold: int = LARGE_THRESHOLD,
        session: Resumable | bytes | str | None = None,
        reconnect: bool = True,
        compress: Compress = "zlib-stream",
        api_url: str | None = None,
        gateway_url: str | None = None,
        api_version: int | None = None,
        ca_file: str | os.PathLike[str] | None = None,
        impersonate: str = "chrome",
        queue_events: int = QUEUE_EVENTS,
        identifies: IdentifyBroker | None = None,
    ) -> Connecting:
        """Connect and identify, or resume `session`: `client = await GatewayClient.connect(...)`,
        or `async with GatewayClient.connect(...) as client`, which shuts the client down at the
        end, the session resumable. Returns when READY has come, or the first event of a session
        that is resumed.

        A bot gives `intents` (bits, a name or names), its `shard` (id, count; default 0 of 1) and,
        if it has any, `capabilities`; a user account gives no intents but its `capabilities` (bits,
        a name or names; "default": those of the web client of this build) and
        `client_build_number`, and, if it likes, `subscribe_guilds`: "all" or ids, subscribed to
        after each READY. Automating a user account breaks Discord's Terms of Service and can end
        that account.

        presence: what IDENTIFY says of it. session: what `client.session` was, or its JSON.
        reconnect: a connection that is lost is followed by another, on which the session is resumed
        or, if it can't be, another begins (`Ready` comes again: events between the two were seen by
        nobody). False: `next_event` raises ConnectionLostError, and `resume` and `reconnect` go on.
        queue_events: how many events may wait for `next_event`; past them, or past 16 MiB, the
        socket is left unread until half of them are taken, and heartbeats go on.
        identifies: a ControlClient of a cluster that runs for the same bot; the client identifies
        when that grants it (docs/identifies.md). Otherwise the clients of this process identify one
        after the other.
        api_url, gateway_url, ca_file: where they are not given, DCGW_API_URL, DCGW_GATEWAY_URL and
        DCGW_CA_FILE of the environment, else Discord's. With gateway_url nobody is asked for the
        gateway or for the identifies left.

        Raises ConfigError (an argument; before anything is sent), TokenRefusedError, BudgetError
        (no identifies left), GatewayRefusedError (a close that is fatal), ConnectionLostError (no
        HELLO for a minute, or no session in ten tries) and ClusterError. There is no time-out:
        `asyncio.timeout` is one.
        """
        account = checked_account(
            intents, capabilities, client_build_number, presence, large_threshold
        )
        discord = addresses(api_url, gateway_url, ca_file)
        login = Login(
            token=given_token(token, account.kind),
            kind=account.kind,
            intents=account.intents,
            capabilities=account.capabilities,
            client_build_number=account.client_build_number,
            launch=new_launch(),
            subscribe_guilds=subscribed_guilds(subscribe_guilds, account.kind),
            gateway_url=discord.gateway_url,
            api_version=known_api_version(api_version, account.kind),
            compress=known_compression(compress),
            ca_file=discord.ca_file,
            impersonate=known_browser(impersonate),
            presence=presence,
            large_threshold=large_threshold,
        )
        plan = shard_plan(shard, account.kind)
        check_size(payloads.identify(login, plan, login.token))
        options = Options(
            login=login,
            plan=plan,
            api_url=discord.api_url,
            resumable=saved_session(session),
            reconnect=reconnect,
            queue_events=queue_bound(queue_events),
        )
        return Connecting(options, identifies, GatewayClient)

    # -- events --------------------------------------------------------------------------------

    async def next_event(self) -> GatewayEvent:
        """The next event, typed (cluster.events): a class of its own, `UnknownEvent` or
        `ParseError`; op 7 and op 11 are `Reconnect` and `HeartbeatAck`, and `Skipped` stands where
        a replay left something out.

        Several tasks may wait at once: each event goes to one of them. Cancelling takes no event
        away. Raises, after the last event: GatewayRefusedError or TokenRefusedError (a fatal
        close), BudgetError, ConnectionLostError (with reconnect=False), ClientClosedError.
        """
        return typed(await self.next_raw())

    async def next_raw(self) -> Received:
        """The next event as it came: name, seq and the JSON of `d`, not decoded. Raises what
        `next_event` raises."""
        item = await self._session.queue.get()
        self._session.note_taken(item)
        return item

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> GatewayEvent:
        """Ends when the client was shut down; raises whatever else `next_event` raises."""
        try:
            return await self.next_event()
        except ClientClosedError:
            raise StopAsyncIteration from None

    @property
    def queued(self) -> int:
        """Events that wait to be taken."""
        return len(self._session.queue)

    # -- the session ---------------------------------------------------------------------------

    @property
    def session(self) -> Resumable | None:
        """The session as plain data, as of the last event that `next_event` gave out: save it when
        that event is handled (`msgspec.json.encode(client.session)`), and hand it to a later
        `connect(session=...)`, which gets all events after that one. A credential: keep it as the
        token. None: there is no session, or its READY was not given out yet.
        """
        return self._session.resumable

    @property
    def token(self) -> str:
        """The token as it is now: with the capability auth_token_refresh READY may have brought
        another in place of the one that was given. Keep it for the next start."""
        return self._session.shard.token

    @property
    def latency(self) -> float | None:
        """Seconds of the last heartbeat's round trip; None: none was answered yet."""
        return self._session.latency

    @property
    def state(self) -> SessionState:
        """Where the session is: "ready", "resuming", "waiting" ... (dcgw.states)."""
        return self._session.state

    async def resume(self) -> None:
        """Make another connection, on which the session is resumed: no event is lost. Returns when
        the first event has come on it. Raises ClusterError where there is no session,
        ClientClosedError, and what `connect` raises."""
        self._check_loop()
        self._session.resume()
        await self._session.ready()

    async def reconnect(self) -> None:
        """Make another connection and another session, which costs an identify. The session before
        is ended, and what happens until the next READY is seen by nobody. Returns when that has
        come, and raises what `resume` raises."""
        self._check_loop()
        self._session.reconnect()
        await self._session.ready()

    async def graceful_shutdown(self, *, logout: bool = False) -> Resumable | None:
        """Close the connection, the session resumable: what waits untaken is dropped, since it is
        sent again to whoever resumes. Returns the session to save, as of the last event given out.

        logout: end the session; what waits can still be taken. Returns None then. Calling it again
        does nothing.
        """
        self._check_loop()
        await self._session.close(logout=logout)
        return None if logout else self._session.resumable

    async def __aenter__(self) -> Self:
        if self._session.closed:
            raise closed()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.graceful_shutdown()

    def __del__(self) -> None:
        session = getattr(self, "_session", None)
        if session is None or session.closed:
            return
        warnings.warn(f"{self!r} was not shut down", ResourceWarning, stacklevel=2, source=self)
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(session.abandon)

    def __repr__(self) -> str:
        plan = self._session.shard.plan
        return f"<GatewayClient {plan.shard_id}/{plan.shard_count} {self.state}>"

    def _check_loop(self) -> None:
        check_loop(self._loop, "the GatewayClient")

    # -- commands ------------------------------------------------------------------------------

    async def _send(self, command: Command) -> None:
        self._check_loop()
        if self._session.closed:
            raise closed()
        sent: asyncio.Future[None] = self._loop.create_future()

        def done(error: ClusterError | None) -> None:
            if sent.done():
                return  # who waited was cancelled
            if error is None:
                sent.set_result(None)
            else:
                sent.set_exception(error)

        self._session.shard.send(command, done)
        await sent

    def _watch(self, take: Take) -> AbstractAsyncContextManager[None]:
        return self._session.watch(take)
