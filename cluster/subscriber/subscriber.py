"""Subscriber: the events of a cluster, each once, in order per shard, and what is missing said.

    async with Subscriber(events=["MESSAGE_CREATE"]) as subscriber:
        async for item in subscriber:
            if isinstance(item, Event):
                print(item.shard_id, item.seq, item.typed())

What comes goes one way, and this module joins the stages:

    hub_reader          the socket: messages, as long as there is room
    chain_feed          gives each message to the chain that it is about
      chain/            the rule, one chain a shard: what can be delivered, and what is missing
      starter           where each chain begins (start_positions, new_shards)
      backfill          asks the replay server (replay_client) for what a chain lacks
    event_filter        leaves out what the old shard count of a resharding has delivered
                        (reshards, overlap_dedup), and other guilds' events (guild_filter)
    delivery_queue      what waits for the consumer, and how far it has come
    item_stream         gives it to the consumer, from entering to leaving

Beside it, stall_detector notices that nothing comes, and progress_reporter tells the coordinator.

Joining goes in this order, since subscriptions take effect in order: the names, then watermarks,
last; once a watermark has come, everything comes; then the replay server says how far each shard
is, and from there on nothing is missed.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final

import zmq

from cluster.config.choice import chosen
from cluster.decode_errors import UNFIT
from cluster.discord.event_names import EventName
from cluster.discord.intents import privileged_needs
from cluster.endpoints.curve_keys import ClientKeys, read_keys
from cluster.endpoints.discovery import Endpoints, HubsFollowed, subscriber_endpoints
from cluster.endpoints.waiting import checked_wait, when_running
from cluster.errors import ConfigError, NotRunningError
from cluster.subscriber.chain import Event
from cluster.subscriber.chain_feed import ChainFeed
from cluster.subscriber.delivery_queue import DeliveryQueue
from cluster.subscriber.event_filter import EventFilter
from cluster.subscriber.guild_filter import GuildFilter
from cluster.subscriber.hub_reader import HubReader
from cluster.subscriber.item_stream import ItemStream
from cluster.subscriber.items import Gap, Item, Stalled, checked_names
from cluster.subscriber.progress_reporter import ProgressReporter, SubscriberProgress
from cluster.subscriber.replay_client import ReplayClient
from cluster.subscriber.reshards import Reshards
from cluster.subscriber.stall_detector import STALL_SECONDS, StallDetector
from cluster.wire import topic
from cluster.wire.position import Saved, SavedShard, read_saved
from cluster.wire.status import MOST_MISFITS

__all__ = ["Event", "Gap", "Item", "Stalled", "Subscriber"]

TICK_SECONDS: Final = 0.05
MAX_BYTES: Final = 64 * 1024 * 1024
FOLLOW_SECONDS: Final = 1.0
"""How soon it is noticed that the cluster was started again with other hubs."""
LOOK_SECONDS: Final = 0.2
"""How soon it is noticed that the key is refused, while joining."""


class Subscriber:
    """An async context manager and an async iterator of Event, Gap and Stalled.

    It is entered once, on the event loop that reads it, and read by one task at a time, since
    asking for the next item says that the one before was handled. An iteration that is under way
    when it is left ends; what can't be (it was not entered, or was left) is a ClusterError.
    """

    def __init__(
        self, endpoint: str | Sequence[str] | None = None,
        events: Iterable[EventName] | None = None, guilds: Iterable[int] | None = None,
        start: str | dict[str, Any] = "now", *, replay: str | None = None,
        control: str | None = None, name: str | None = None,
        keys: ClientKeys | Path | str | None = None, max_bytes: int = MAX_BYTES,
        strict: bool = False, wait: float = 0.0, config: Path | str | None = None,
    ) -> None:  # fmt: skip
        """endpoint: where the hub publishes; None: the one cluster that runs on this host. Of a
        cluster with several hubs that of the first stands for all, if it is one of this host; else
        they are given as a list.
        events: names as Discord writes them; None: all. One that is not known (docs/events.md) is
        taken, since Discord may send it one day, with a warning that has the nearest that is.
        strict: it is a ConfigError. Names that a program computes go through `event_names` for the
        type checker.
        guilds: ids; None: all.
        start: "now", "oldest" (what the journals hold), or a saved ``position``.
        replay: the replay server; None: that of the local cluster with this endpoint, if there is
        one. Without it what is missed is a Gap at once.
        control: the control endpoint, where the coordinator is told how the subscriber fares; None:
        the local cluster's. name: under which `status` shows it; None: the program's.
        keys: for a cluster on TCP, the file that `dcgw-cluster keys add` made for this program;
        endpoints that are not given are those that stand in it. A cluster that does not know the
        key (any more) is a KeyRefusedError, on entering or from the iterator.
        wait: seconds that it may take on entering until the cluster runs, if it is one of this
        host; math.inf: for ever. NotRunningError: it does not, and without `wait` no endpoint is
        given.
        config: the cluster's configuration file (DCGW_CONFIG names one, too): which is meant where
        several run, and where its folders are.
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
        self._names = None if events is None else checked_names(events, strict=strict)
        self._reshards = Reshards()
        guild_filter = None if guilds is None else GuildFilter(guilds)
        self._queue = DeliveryQueue(EventFilter(self._reshards, guild_filter))
        self._endpoint, self._replay_endpoint, self._control = endpoint, replay, control
        self._keys = read_keys(keys)
        self._wait = checked_wait(wait)
        self._choice = chosen(config)
        self._name = name
        self._reporter: ProgressReporter | None = None
        self._max_bytes = max_bytes
        self._stall_detector = StallDetector(time.monotonic())
        self._stream = ItemStream(self._queue, max_bytes // 4)
        self._heard = asyncio.Event()
        """A watermark came."""
        self._feed = ChainFeed(
            self._names, self._queue, self._reshards, self._stall_detector,
            saved=saved, oldest=start == "oldest", max_bytes=max_bytes // 2,
            has_room=self._has_room, wake=self._stream.arrived.set, heard=self._heard.set,
        )  # fmt: skip
        self._reader: HubReader | None = None
        self._hubs: HubsFollowed | None = None
        self._hubs_due = 0.0
        self._tick_handle: asyncio.TimerHandle | None = None

    # -- joining and leaving -------------------------------------------------------------------

    async def __aenter__(self) -> Subscriber:
        found = await when_running(self._find, self._wait)
        self._stream.enter()
        self._replay_endpoint = found.replay
        self._control = self._control or found.control
        if found.state_dir is not None:
            self._hubs = HubsFollowed(found.state_dir)
        self._loop = asyncio.get_running_loop()
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        try:
            self._reader = HubReader(
                self._context, found.events, self._keys, topics=self._prefixes(),
                on_message=self._feed.message, waiting_bytes=lambda: self._queue.bytes,
                max_waiting=self._max_bytes // 2, arrival=self._stream.arrived,
            )  # fmt: skip
            self._stream.read_on = self._reader.resume
            await self._join(self._reader)
        except BaseException:
            await self.__aexit__(None, None, None)
            raise
        if self._control is not None:
            needs = privileged_needs(self._names or ())
            self._reporter = ProgressReporter(
                self._context, self._control, self._name, self._keys, needs
            )
        self._tick()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        if not self._stream.leave():
            return
        if self._tick_handle is not None:
            self._tick_handle.cancel()
        if self._reader is not None:
            self._reader.close()
        self._queue.drop_waiting()
        await self._feed.close()
        if self._reporter is not None:
            self._reporter.close(self.progress())
        self._context.term()

    def _find(self) -> Endpoints:
        found = subscriber_endpoints(
            self._endpoint, self._replay_endpoint, self._keys, self._choice.env,
            preferred=self._choice.name,
        )  # fmt: skip
        local = self._keys is None and found.events[0].startswith("ipc://")
        if self._wait and local and found.replay is None:
            # Once it runs, its replay server is known: without one, what is missed is a gap.
            raise NotRunningError(
                f"no cluster that publishes at {found.events[0]} is running",
                "start it, or give replay= for a hub that is no cluster's of this host",
            )
        return found

    def _prefixes(self) -> list[bytes]:
        if self._names is None:
            return [b""]
        names = [*sorted(self._names), topic.HOLE, topic.EPOCH_END, topic.RESHARD, topic.WATERMARK]
        return [topic.subscription(name) for name in names]

    async def _join(self, reader: HubReader) -> None:
        replay = None
        if self._replay_endpoint:
            replay = ReplayClient(self._context, self._replay_endpoint, self._keys)
            self._feed.backfill.replay = replay
        deadline = self._loop.time() + STALL_SECONDS
        while not self._stall_detector.slots and (left := deadline - self._loop.time()) > 0:
            self._heard.clear()
            # If nobody publishes: said as Stalled, and it begins when somebody does.
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._heard.wait(), min(left, LOOK_SECONDS))
            if (refusal := reader.refusal()) is not None:
                raise refusal
        await self._feed.join(replay)

    def _has_room(self) -> bool:
        return self._queue.bytes <= self._max_bytes // 2

    # -- the clock ------------------------------------------------------

    def _tick(self) -> None:
        now = time.monotonic()
        self._tick_handle = self._loop.call_later(TICK_SECONDS, self._tick)
        reader = self._reader
        assert reader is not None  # it ticks from entering to leaving
        reader.poll()
        if self._hubs is not None and now >= self._hubs_due:
            self._hubs_due = now + FOLLOW_SECONDS
            if hubs := self._hubs.renewed():
                reader.connect(hubs)
        self._feed.tick(now)
        if self._stream.refusal is None and (refusal := reader.refusal()) is not None:
            self._stream.refusal = refusal
            self._stream.arrived.set()
        for stalled in self._stall_detector.newly_stalled(now, listening=reader.reading):
            self._queue.put_item(stalled)
            self._stream.arrived.set()
        if self._reporter is not None and self._reporter.due(now):
            self._reporter.report(now, self.progress())

    @property
    def held(self) -> int:
        """Bytes that are held while something before them is missing."""
        return self._feed.chains.held_bytes

    @property
    def refused(self) -> int:
        """How many messages could not be read."""
        return 0 if self._reader is None else self._reader.refused

    def progress(self) -> SubscriberProgress:
        """Return how the subscriber fares."""
        queue = self._queue
        lag = queue.events_left + self._feed.chains.behind
        return SubscriberProgress(
            lag,
            queue.events,
            queue.gaps.total(),
            self._feed.backfill.answers,
            UNFIT.count,
            UNFIT.most(MOST_MISFITS),
            dict(queue.gaps),
            self._feed.backfill.misses,
            self._feed.chains.fenced,
        )

    # -- what the consumer sees ----------------------------------------------------------------

    def __aiter__(self) -> AsyncIterator[Item]:
        """Return the items as they come. Faster than ``__anext__``."""
        return self._stream.each()

    async def __anext__(self) -> Item:
        """Return the next item. Calling it says that the one before was handled."""
        return await self._stream.next()

    @property
    def position(self) -> dict[str, Any]:
        """How far all was handled, as data for json.dumps. The item at hand is not included."""
        positions = sorted(self._queue.positions().items())
        return Saved(
            self._feed.store, [SavedShard(*key, *place) for key, place in positions]
        ).plain()
