"""Subscriber: the events of a cluster, each once, in order per shard, and what is missing said.

    async with Subscriber(events=["MESSAGE_CREATE"]) as subscriber:
        async for item in subscriber:
            if isinstance(item, Event):
                print(item.shard_id, item.seq, item.typed())

The rule is cluster.chain; here are the sockets, the clock and the queue. Joining goes in this
order, since subscriptions take effect in order: the names, then watermarks, last; once a watermark
has come, everything comes; then the replay server says how far each shard is, and from there on
nothing is missed.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from types import TracebackType
from typing import Any, Final

import zmq

from cluster.decode_errors import UNFIT
from cluster.endpoints.curve_keys import ClientKeys, read_keys
from cluster.endpoints.discovery import subscriber_endpoints
from cluster.errors import ConfigError, KeyRefusedError
from cluster.subscriber.backfill import Backfill
from cluster.subscriber.chain import Event, Mark, ShardChain
from cluster.subscriber.chain.chain_set import ChainSet
from cluster.subscriber.delivery_queue import DeliveryQueue
from cluster.subscriber.guild_filter import GuildFilter
from cluster.subscriber.hub_reader import HubReader
from cluster.subscriber.items import OTHER_STORE, Gap, Item, Stalled, checked_names
from cluster.subscriber.progress_reporter import ProgressReporter, SubscriberProgress
from cluster.subscriber.replay_client import ReplayClient, read_batch
from cluster.subscriber.reshards import Reshards
from cluster.subscriber.stall_detector import STALL_SECONDS, StallDetector
from cluster.subscriber.starter import Starter
from cluster.wire import reshard, topic, watermark
from cluster.wire.batch import RESHARDED, decode_epoch_end
from cluster.wire.position import Saved, SavedShard, ShardKey, read_saved
from cluster.wire.states import ReshardStage

__all__ = ["Event", "Gap", "Item", "Stalled", "Subscriber"]

TICK_SECONDS: Final = 0.05
MAX_BYTES: Final = 64 * 1024 * 1024
LOOK_SECONDS: Final = 0.2
"""While joining: how soon it is noticed that the key is refused."""


class Subscriber:
    """An async context manager and an async iterator of Event, Gap and Stalled."""

    def __init__(
        self, endpoint: str | None = None, events: Iterable[str] | None = None,
        guilds: Iterable[int] | None = None, start: str | dict[str, Any] = "now", *,
        replay: str | None = None, control: str | None = None, name: str | None = None,
        keys: ClientKeys | Path | str | None = None, max_bytes: int = MAX_BYTES,
    ) -> None:  # fmt: skip
        """endpoint: of the hub, for subscribers; None: the one cluster that runs on this host.
        events: names as Discord writes them, also those that it does not send yet; None: all.
        guilds: ids; None: all.
        start: "now", "oldest" (what the journals hold), or a saved ``position``.
        replay: the replay server; None: that of the local cluster with this endpoint, if there is
        one. Without it what is missed is a Gap at once.
        control: the coordinator's control door, for a word on how it fares (cluster.reporting);
        None: the local cluster's. name: under which `status` shows it; None: the program's.
        keys: for a cluster on TCP, the file that `dcgw-cluster keys add` made for this program;
        endpoints that are not given are those that stand in it. A cluster that does not know the
        key (any more) is a KeyRefusedError, on entering or from the iterator.
        max_bytes: what it may keep in memory: half of it for what waits to be taken from the
        iterator, half for what is held while something before it is missing, all shards together.
        Past the first half it reads no more until there is room, and the hub drops what it can't
        keep; past the second it lets go of what the fullest shard holds. Both are asked for again.
        The sockets' own buffers and the answers that are being read (some 16 MiB) come on top.
        Raises ConfigError.
        """
        if isinstance(start, str) and start not in ("now", "oldest"):
            raise ConfigError(f"start is {start!r}", 'give "now", "oldest" or a saved position')
        saved = None if isinstance(start, str) else read_saved(start)
        self._names = None if events is None else checked_names(events)
        self._generations = Reshards()
        self._out = DeliveryQueue(
            None if guilds is None else GuildFilter(guilds), self._generations
        )
        self._endpoint, self._replay_endpoint, self._control = endpoint, replay, control
        self._keys = read_keys(keys)
        self._refused: KeyRefusedError | None = None
        self._name = name
        self._reporter: ProgressReporter | None = None
        self._max_bytes = max_bytes
        self._store = ""
        self._chains = ChainSet(self._names, max_bytes // 2)
        self._beginnings = Starter(
            self._chains, self._generations, self._out, self._collect,
            saved=saved, oldest=start == "oldest",
        )  # fmt: skip
        self._asker = Backfill(self._names, self._collect, self._has_room)
        self._silence = StallDetector(time.monotonic())
        self._arrived = asyncio.Event()
        self._intake: HubReader | None = None
        self._tick_handle: asyncio.TimerHandle | None = None

    # -- joining and leaving -------------------------------------------------------------------

    async def __aenter__(self) -> Subscriber:
        found = subscriber_endpoints(self._endpoint, self._replay_endpoint, self._keys)
        self._replay_endpoint = found.replay
        self._control = self._control or found.control
        self._loop = asyncio.get_running_loop()
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        try:
            self._intake = HubReader(
                self._context, found.events, self._keys, topics=self._prefixes(),
                take=self._message, waiting=lambda: self._out.bytes, most=self._max_bytes // 2,
            )  # fmt: skip
            await self._join(self._intake)
        except BaseException:
            await self.__aexit__(None, None, None)
            raise
        if self._control is not None:
            self._reporter = ProgressReporter(self._context, self._control, self._name, self._keys)
        self._tick()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        if self._tick_handle is not None:
            self._tick_handle.cancel()
        await self._beginnings.close()
        await self._asker.close()
        if self._intake is not None:
            self._intake.close()
        if self._reporter is not None:
            self._reporter.close(self.progress())
        self._context.term()

    def _prefixes(self) -> list[bytes]:
        if self._names is None:
            return [b""]
        names = [*sorted(self._names), topic.HOLE, topic.EPOCH_END, topic.RESHARD, topic.WATERMARK]
        return [topic.subscription(name) for name in names]

    async def _join(self, intake: HubReader) -> None:
        if self._replay_endpoint:
            self._asker.replay = ReplayClient(self._context, self._replay_endpoint, self._keys)
        deadline = self._loop.time() + STALL_SECONDS
        while not self._silence.slots and (left := deadline - self._loop.time()) > 0:
            self._arrived.clear()
            # If nobody publishes: said as Stalled, and it begins when somebody does.
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._arrived.wait(), min(left, LOOK_SECONDS))
            if (refused := intake.refusal()) is not None:
                raise refused
        replay, published = self._asker.replay, bool(self._silence.slots)
        self._store = await self._beginnings.join(replay, published=published) or self._store

    # -- what comes ----------------------------------------------------------------------------

    def _message(self, message: bytes) -> None:
        found = read_batch(message)
        if found is not None:
            name, batch = found
            self._see_store(batch.cluster)
            key = ShardKey(batch.shard_count, batch.shard_id)
            chain = self._chains.get(key)
            self._beginnings.first(key, chain, batch.epoch, batch.first - 1)
            chain.batch(name, batch)
            self._beginnings.unknown(key, chain)
            self._collect(key, chain)
            return
        name, _, payload = topic.split(message)
        if name == topic.WATERMARK:
            self._watermark(watermark.decode(payload))
        elif name == topic.EPOCH_END:
            end = decode_epoch_end(payload)
            self._see_store(end.cluster)
            retired = end.cause == RESHARDED
            if retired:
                self._generations.epoch_ended(end.shard_count, end.received_ns)
            mark = Mark(end.epoch, end.before, end.base, end.seq, end.last, True, retired)
            self._marked(ShardKey(end.shard_count, end.shard_id), mark)
        elif name == topic.RESHARD:
            word = reshard.decode(payload)
            self._see_store(word.cluster)
            self._generations.word(word, time.time_ns())
            if word.stage is ReshardStage.DONE:
                self._look_for_ends(word.of_count)

    def _look_for_ends(self, shard_count: int) -> None:
        """Shards of this count are no more; who has not heard the last words of one asks for
        them."""
        for key, chain in self._chains:
            if key[0] == shard_count and chain.epoch:
                chain.lagging = True
                self._asker.see(key, chain)

    def _watermark(self, mark: watermark.Watermark) -> None:
        self._see_store(mark.cluster)
        self._silence.heard(mark.slot, time.monotonic())
        self._arrived.set()
        for row in mark.shards:
            key = ShardKey(row.shard_count, row.shard_id)
            self._silence.speaks_of(mark.slot, key)
            self._marked(key, Mark(row.epoch, row.before, row.base, row.seq, row.last))

    def _marked(self, key: ShardKey, mark: Mark) -> None:
        chain = self._chains.get(key)
        self._beginnings.first(key, chain, mark.epoch, mark.seq)
        chain.mark(mark)
        self._beginnings.unknown(key, chain)
        self._collect(key, chain)

    def _see_store(self, store: str) -> None:
        """Another store's cluster at this endpoint is another world: all begins anew."""
        if store == self._store:
            return
        if self._store:
            self._out.say(OTHER_STORE)
            self._chains.clear()
            self._out.forget()
            self._asker.forget()
        self._store = store

    def _collect(self, key: ShardKey, chain: ShardChain) -> None:
        """Queue what a chain put out, and see whether it wants something."""
        self._out.put(key, chain.take())
        if self._out:
            self._arrived.set()
        if (let_go := self._chains.weigh(key, chain)) is not None:
            self._asker.see(let_go, self._chains.get(let_go))
        self._asker.see(key, chain)
        if chain.finished:
            self._finish(key)

    def _finish(self, key: ShardKey) -> None:
        """All of a shard that is no more was delivered."""
        self._out.retire(key, self._chains.get(key).epoch)
        self._chains.drop(key)
        self._silence.ended(key)
        self._generations.finished(self._chains.begun(), time.time_ns())

    def _has_room(self) -> bool:
        return self._out.bytes <= self._max_bytes // 2

    # -- the clock ------------------------------------------------------

    def _tick(self) -> None:
        now = time.monotonic()
        self._tick_handle = self._loop.call_later(TICK_SECONDS, self._tick)
        intake = self._intake
        assert intake is not None  # it ticks from entering to leaving
        intake.look()
        self._asker.tick(now)
        lagging = intake.paused or self._chains.lagging
        self._generations.tick(time.time_ns(), lagging=lagging)
        if self._refused is None and (refused := intake.refusal()) is not None:
            self._refused = refused
            self._arrived.set()
        for stalled in self._silence.tell(now, listening=intake.reading):
            self._out.say(stalled)
            self._arrived.set()
        if self._reporter is not None and self._reporter.due(now):
            self._reporter.tell(now, self.progress())

    @property
    def held(self) -> int:
        """Bytes that are held while something before them is missing."""
        return self._chains.held

    @property
    def refused(self) -> int:
        """Messages that could not be read."""
        return 0 if self._intake is None else self._intake.refused

    def progress(self) -> SubscriberProgress:
        """How it fares."""
        lag = self._out.left + self._chains.behind
        out = self._out
        return SubscriberProgress(lag, out.events, out.gaps, self._asker.answers, UNFIT.count)

    # -- what the consumer sees ----------------------------------------------------------------

    def __aiter__(self) -> AsyncIterator[Item]:
        """The items as they come. A generator: it costs a third of a call of ``__anext__`` each."""
        return self._each()

    async def __anext__(self) -> Item:
        """The next item. Calling it says that the one before was handled."""
        while (item := self._next()) is None:
            await self._arrived.wait()
        return item

    async def _each(self) -> AsyncIterator[Item]:
        out = self._out
        while True:
            while (item := self._next()) is None:
                await self._arrived.wait()
            yield item
            run = out.run
            for at, event in enumerate(run[out.at :], out.at):
                if out.at != at or out.run is not run:
                    break  # somebody else has taken some meanwhile
                out.at = at + 1
                yield event

    def _next(self) -> Item | None:
        """None: there is nothing yet, and ``_arrived`` will tell. Raises KeyRefusedError."""
        item = self._out.next()
        if self._out.bytes < self._max_bytes // 4 and self._intake is not None:
            self._intake.go_on()
        if item is None:
            if self._refused is not None:
                raise self._refused
            self._arrived.clear()
        return item

    @property
    def position(self) -> dict[str, Any]:
        """How far all was handled, as data for json.dumps; the event at hand is not included."""
        positions = sorted(self._out.positions().items())
        return Saved(self._store, [SavedShard(*key, *place) for key, place in positions]).plain()
