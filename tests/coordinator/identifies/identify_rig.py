"""Identify queues over real stores and real ZeroMQ, with played workers and a short window."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import zmq.asyncio

from cluster.control import ControlClient
from cluster.discord.gateway_bot import SessionStartLimit
from cluster.errors import ClusterError
from cluster.identify.limiter import IdentifyLimiter
from cluster.wire import link
from cluster.wire.identifies import account_key
from coordinator.control.server import ControlServer
from coordinator.identifies.broker import Broker, BrokerClient
from coordinator.identifies.brokered_queue import BrokeredQueue
from coordinator.identifies.grant_queue import GrantQueue, Owners
from coordinator.identifies.ledger import IdentifyLedger
from coordinator.identifies.queue import IdentifyQueue
from coordinator.sharding.assignments import Assignments
from coordinator.sharding.plan import Plan
from coordinator.state.store import Store

WINDOW_S = 0.2
MARGIN_S = 0.05
INTERVAL_S = WINDOW_S + MARGIN_S
TOKEN = "MTIz.made.up"
ACCOUNT = "account"
WITHIN_S = 60.0


class Cluster:
    """A coordinator's queue and its control endpoint; `grants` is what its workers were sent."""

    def __init__(self, folder: Path, name: str, shards: tuple[int, ...], count: int) -> None:
        self.endpoint = f"ipc://{folder / name}"
        self.name = name
        self.plan = Plan(count, {0: shards})
        self.store = Store.open(folder / f"{name}.sqlite")
        self.absent = False
        """The worker is not there."""
        self.grants: asyncio.Queue[tuple[float, link.IdentifyGrant]] = asyncio.Queue()
        self.limiter = IdentifyLimiter(
            window_s=WINDOW_S, margin_s=MARGIN_S, first_grant_id=self.store.next_grant_id()
        )
        self.queue: GrantQueue

    def send(self, slot: int, message: link.ToWorker) -> bool:
        assert isinstance(message, link.IdentifyGrant)
        if self.absent:
            return False
        self.grants.put_nowait((time.monotonic(), message))
        return True

    def ledger(self) -> IdentifyLedger:
        return IdentifyLedger(self.store, account=ACCOUNT)

    def grants_itself(
        self, *, remaining: int = 1000, concurrency: int = 1, held: ClusterError | None = None
    ) -> None:
        """Its queue has a limiter of its own. held: why it has no numbers."""

        async def fetch() -> SessionStartLimit:
            raise ClusterError("nobody asks Discord here")

        queue = IdentifyQueue(
            self.limiter,
            self.ledger(),
            owners=Owners(Assignments(self.plan)),
            send=self.send,
            fetch=fetch,
            clock=time.monotonic,
            store_id=self.store.store_id,
            account=account_key(TOKEN, self.store.store_id),
        )
        limit = SessionStartLimit(
            total=1000, remaining=remaining, reset_after=80_000_000, max_concurrency=concurrency
        )
        if held is None:
            queue.take(limit, time.monotonic())
        else:
            queue.hold(held)
        self.queue = queue

    async def asks(
        self, control: ControlClient, token: str = TOKEN, *, going_on: bool = False
    ) -> None:
        """Its queue asks the broker."""
        client = BrokerClient(
            self.store.store_id,
            self.name,
            lambda salt: account_key(token, salt),
        )
        self.queue = BrokeredQueue(
            await Broker.meet(control, self.ledger(), client, time.monotonic, going_on=going_on),
            self.ledger(),
            owners=Owners(Assignments(self.plan)),
            send=self.send,
            clock=time.monotonic,
            first_grant_id=self.store.next_grant_id(),
        )

    def want(self, *shards: int) -> None:
        for shard in shards:
            self.queue.handle(0, link.IdentifyRequest(shard_id=shard))

    def sent(self, grant: link.IdentifyGrant) -> None:
        self.queue.handle(0, link.IdentifySent(shard_id=grant.shard_id, grant_id=grant.grant_id))

    def unused(self, grant: link.IdentifyGrant) -> None:
        self.queue.handle(0, link.IdentifyUnused(shard_id=grant.shard_id, grant_id=grant.grant_id))

    async def next(self) -> tuple[float, link.IdentifyGrant]:
        """The next grant to a worker, and when it came."""
        async with asyncio.timeout(WITHIN_S):
            return await self.grants.get()

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Its control endpoint and its queue run."""
        context = zmq.asyncio.Context()
        server = ControlServer(context, self.endpoint)
        server.bind()
        serving = asyncio.ensure_future(server.run(self.queue.verbs()))
        tasks = [serving, asyncio.ensure_future(self.queue.run())]
        try:
            yield
            assert not any(task.done() for task in tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            server.close()
            context.destroy(linger=0)


@asynccontextmanager
async def granting(
    folder: Path,
    *,
    remaining: int = 1000,
    concurrency: int = 1,
    count: int = 8,
    held: ClusterError | None = None,
) -> AsyncIterator[Cluster]:
    """A cluster of the first half of the shards that grants, to others too."""
    async with AsyncExitStack() as stack:
        cluster = Cluster(folder, "east", tuple(range(count // 2)), count)
        stack.callback(cluster.store.close)
        cluster.grants_itself(remaining=remaining, concurrency=concurrency, held=held)
        await stack.enter_async_context(cluster.open())
        yield cluster


@asynccontextmanager
async def asking(
    folder: Path,
    broker: str,
    *,
    name: str = "west",
    count: int = 8,
    patience: float = 2.0,
    going_on: bool = False,
    token: str = TOKEN,
) -> AsyncIterator[Cluster]:
    """A cluster of the other half that asks the broker at this endpoint."""
    async with AsyncExitStack() as stack:
        cluster = Cluster(folder, name, tuple(range(count // 2, count)), count)
        stack.callback(cluster.store.close)
        control = await stack.enter_async_context(ControlClient(broker, timeout=patience))
        await cluster.asks(control, token, going_on=going_on)
        await stack.enter_async_context(cluster.open())
        yield cluster


async def until(condition: Callable[[], bool]) -> None:
    """Wait until it is true; what changes it is ZeroMQ."""
    async with asyncio.timeout(WITHIN_S):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.005)
