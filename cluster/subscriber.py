"""Subscriber: the events of a cluster, each once, in order per shard, and what is missing said.

    async with Subscriber(events=["MESSAGE_CREATE"]) as subscriber:
        async for item in subscriber:
            if isinstance(item, Event):
                print(item.shard_id, item.seq, item.json())

The rule is cluster.chain; here are the sockets, the clock and the queue. Joining goes in this
order, since subscriptions take effect in order: the names, then watermarks, last; once a watermark
has come, everything comes; then the replay server says how far each shard is, and from there on
nothing is missed.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import deque
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any, Final, NamedTuple

import zmq

from cluster.asking import Asker
from cluster.chain import At, Deliver, Mark, ShardChain
from cluster.errors import ConfigError, KeyRefusedError
from cluster.joining import starts
from cluster.local import find
from cluster.replay_client import NoAnswerError, ReplayClient, read_batch
from cluster.reporting import Progress, Reporter
from cluster.secured import Handshakes, connect
from cluster.silence import STALL_SECONDS, Silence
from cluster.subscribed import NO_REPLAY, OTHER_STORE, Event, Gap, GuildFilter, Item, Stalled
from cluster.wire import topic, watermark
from cluster.wire.batch import decode_epoch_end
from cluster.wire.keys import ClientKeys, read_keys
from cluster.wire.position import Saved, SavedShard, read_saved

__all__ = ["Event", "Gap", "Item", "Stalled", "Subscriber"]

log = logging.getLogger(__name__)

TICK_SECONDS: Final = 0.05
MAX_QUEUE: Final = 20_000
"""Items that wait for the consumer; beyond that nothing is read, and the hub drops what it must."""
LOOK_SECONDS: Final = 0.2
"""While joining: how soon it is noticed that the key is refused."""
READ_BATCHES: Final = 200
"""At most so many messages are read in one turn of the event loop."""
_Key = tuple[int, int]
"""Shard count, shard id."""


class _Place(NamedTuple):
    """In the queue: all of a shard up to here stands before."""

    key: _Key
    epoch: int
    seq: int


class Subscriber:
    """An async context manager and an async iterator of Event, Gap and Stalled."""

    def __init__(
        self, endpoint: str | None = None, events: Iterable[str] | None = None,
        guilds: Iterable[int] | None = None, start: str | dict[str, Any] = "now", *,
        replay: str | None = None, control: str | None = None, name: str | None = None,
        keys: ClientKeys | Path | str | None = None, max_bytes: int = 64 * 1024 * 1024,
    ) -> None:  # fmt: skip
        """endpoint: of the hub, for subscribers; None: the one cluster that runs on this host.
        events: names as Discord writes them; None: all. guilds: ids; None: all.
        start: "now", "oldest" (what the journals hold), or a saved ``position``.
        replay: the replay server; None: that of the local cluster with this endpoint, if there is
        one. Without it what is missed is a Gap at once.
        control: the coordinator's control door, for a word on how it fares (cluster.reporting);
        None: the local cluster's. name: under which `status` shows it; None: the program's.
        keys: for a cluster on TCP, the file that `dcgw-cluster keys add` made for this program;
        endpoints that are not given are those that stand in it. A cluster that does not know the
        key (any more) is a KeyRefusedError, on entering or from the iterator.
        max_bytes: what may be held for each shard while something before it is missing.
        Raises ConfigError.
        """
        if isinstance(start, str) and start not in ("now", "oldest"):
            raise ConfigError(f"start is {start!r}", 'give "now", "oldest" or a saved position')
        self._saved = None if isinstance(start, str) else read_saved(start)
        self._oldest = start == "oldest"
        self._names = None if events is None else frozenset(events)
        self._filter = None if guilds is None else GuildFilter(guilds)
        self._endpoint, self._replay_endpoint, self._control = endpoint, replay, control
        self._keys = read_keys(keys)
        self._refused: KeyRefusedError | None = None
        self._name = name
        self._reporter: Reporter | None = None
        self._events = self._gaps = 0
        self._max_bytes = max_bytes
        self.refused = 0
        """Messages that could not be read."""
        self._store = ""
        self._chains: dict[_Key, ShardChain] = {}
        self._joined = False
        self._from_watermarks = False
        self._queue: deque[Item | _Place] = deque()
        self._positions: dict[_Key, tuple[int, int]] = {}
        self._handling: Event | None = None
        self._asker = Asker(self._names, self._collect, self._has_room)
        self._silence = Silence(time.monotonic())
        self._arrived = asyncio.Event()
        self._reading = False
        self._tick_handle: asyncio.TimerHandle | None = None

    # -- joining and leaving -------------------------------------------------------------------

    async def __aenter__(self) -> Subscriber:
        doors = find(self._endpoint, self._replay_endpoint, self._keys)
        self._endpoint, self._replay_endpoint = doors.events, doors.replay
        self._control = self._control or doors.control
        self._loop = asyncio.get_running_loop()
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._socket = self._context.socket(zmq.SUB)
        self._socket.setsockopt(zmq.RCVHWM, 10_000)
        self._fd = int(self._socket.getsockopt(zmq.FD))
        self._handshakes = Handshakes(self._socket, self._endpoint, self._keys)
        try:
            for prefix in self._prefixes():
                self._socket.subscribe(prefix)
            connect(self._socket, self._endpoint, self._keys)
            self._listen(True)
            await self._join()
        except BaseException:
            await self.__aexit__(None, None, None)
            raise
        if self._control is not None:
            self._reporter = Reporter(self._context, self._control, self._name, self._keys)
        self._tick()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        if self._tick_handle is not None:
            self._tick_handle.cancel()
        await self._asker.close()
        self._listen(False)
        self._handshakes.close()
        self._socket.close(0)
        if self._reporter is not None:
            self._reporter.close(self._progress())
        self._context.term()

    def _prefixes(self) -> list[bytes]:
        if self._names is None:
            return [b""]
        names = [*sorted(self._names), topic.HOLE, topic.EPOCH_END, topic.WATERMARK]
        return [topic.subscription(name) for name in names]

    async def _join(self) -> None:
        if self._replay_endpoint:
            self._asker.replay = ReplayClient(self._context, self._replay_endpoint, self._keys)
        self._from_watermarks = self._asker.replay is None
        deadline = self._loop.time() + STALL_SECONDS
        while not self._silence.slots and (left := deadline - self._loop.time()) > 0:
            self._arrived.clear()
            # If nobody publishes: said as Stalled, and it begins when somebody does.
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._arrived.wait(), min(left, LOOK_SECONDS))
            if (refused := self._handshakes.refusal()) is not None:
                raise refused
        if self._asker.replay is not None:
            try:
                await self._begin_from_journals(self._asker.replay)
            except NoAnswerError as error:
                log.warning("%s; shards begin at their next watermark", error)
                self._from_watermarks = True
        if self._from_watermarks and (self._oldest or self._saved is not None):
            self._queue.append(NO_REPLAY)  # What was before now was wanted, and nobody has it.

    async def _begin_from_journals(self, replay: ReplayClient) -> None:
        heads = await replay.heads()
        if self._saved is not None and self._saved.store != heads.cluster:
            self._queue.append(OTHER_STORE)
        self._store = heads.cluster
        for key, epoch, seq, behind in starts(heads, self._saved, oldest=self._oldest):
            chain = self._chain(key)
            chain.begin(epoch, seq, lagging=behind)
            self._collect(key, chain)
        self._joined = True
        for key, chain in self._chains.items():
            self._begin_unknown(key, chain)

    def _chain(self, key: _Key) -> ShardChain:
        chain = self._chains.get(key)
        if chain is None:
            chain = self._chains[key] = ShardChain(self._names, self._max_bytes)
        return chain

    def _begin_unknown(self, key: _Key, chain: ShardChain) -> None:
        """A shard that no journal knew when we joined: all of it is after that."""
        if chain.epoch == 0 and self._joined and (first := chain.first_epoch) is not None:
            chain.begin(first, -1)
            self._collect(key, chain)

    # -- what comes ----------------------------------------------------------------------------

    def _listen(self, wanted: bool) -> None:
        if wanted and not self._reading:
            self._loop.add_reader(self._fd, self._read)
            self._loop.call_soon(self._read)
        elif not wanted and self._reading:
            self._loop.remove_reader(self._fd)
        self._reading = wanted

    def _read(self) -> None:
        for _ in range(READ_BATCHES):
            if not self._reading:
                return
            if not self._has_room():
                self._listen(False)
                return
            try:
                message = self._socket.recv(zmq.NOBLOCK)
            except zmq.Again:
                return
            try:
                self._message(message)
            except topic.WireError as error:
                self.refused += 1
                log.warning("a message was refused: %s", error)
        self._loop.call_soon(self._read)  # The descriptor tells of the first message only.

    def _message(self, message: bytes) -> None:
        found = read_batch(message)
        if found is not None:
            name, batch = found
            self._see_store(batch.cluster)
            key = (batch.shard_count, batch.shard_id)
            chain = self._chain(key)
            chain.batch(name, batch)
            self._begin_unknown(key, chain)
            self._collect(key, chain)
            return
        name, _, payload = topic.split(message)
        if name == topic.WATERMARK:
            self._watermark(watermark.decode(payload))
        elif name == topic.EPOCH_END:
            end = decode_epoch_end(payload)
            self._see_store(end.cluster)
            mark = Mark(end.epoch, end.before, end.base, end.seq, end.last, final=True)
            self._marked((end.shard_count, end.shard_id), mark)

    def _watermark(self, mark: watermark.Watermark) -> None:
        self._see_store(mark.cluster)
        self._silence.heard(mark.slot, time.monotonic())
        self._arrived.set()
        for row in mark.shards:
            key = (row.shard_count, row.shard_id)
            chain = self._chain(key)
            if chain.epoch == 0 and self._from_watermarks:
                chain.begin(row.epoch, row.seq)
            self._marked(key, Mark(row.epoch, row.before, row.base, row.seq, row.last))

    def _marked(self, key: _Key, mark: Mark) -> None:
        chain = self._chain(key)
        chain.mark(mark)
        self._begin_unknown(key, chain)
        self._collect(key, chain)

    def _see_store(self, store: str) -> None:
        """Another store's cluster at this endpoint is another world: all begins anew."""
        if store == self._store:
            return
        if self._store:
            self._queue.append(OTHER_STORE)
            self._chains.clear()
            self._positions.clear()
            self._asker.forget()
        self._store = store

    def _collect(self, key: _Key, chain: ShardChain) -> None:
        """Queue what a chain put out, and see whether it wants something."""
        count, shard_id = key
        queue, filtered = self._queue, self._filter
        for item in chain.take():
            if isinstance(item, Deliver):
                if filtered is None or filtered.takes(item.name, item.data):
                    queue.append(
                        Event(
                            item.name, shard_id, count, item.epoch, item.seq, item.data,
                            item.received_ns, self._store,
                        )
                    )  # fmt: skip
            elif isinstance(item, At):
                queue.append(_Place(key, item.epoch, item.seq))
            else:
                self._gaps += 1
                queue.append(Gap(shard_id, count, *item))
        if queue:
            self._arrived.set()
        self._asker.see(key, chain)

    def _has_room(self) -> bool:
        return len(self._queue) <= MAX_QUEUE

    # -- the clock ------------------------------------------------------

    def _tick(self) -> None:
        now = time.monotonic()
        self._tick_handle = self._loop.call_later(TICK_SECONDS, self._tick)
        if self._reading:
            self._read()  # In case an edge was missed.
        self._asker.tick(now)
        if self._refused is None and (refused := self._handshakes.refusal()) is not None:
            self._refused = refused
            self._arrived.set()
        for stalled in self._silence.tell(now, listening=self._reading):
            self._queue.append(stalled)
            self._arrived.set()
        if self._reporter is not None and self._reporter.due(now):
            self._reporter.tell(now, self._progress())

    def _progress(self) -> Progress:
        waiting = sum(isinstance(item, Event) for item in self._queue)
        lag = waiting + sum(chain.behind for chain in self._chains.values())
        return Progress(lag, self._events, self._gaps, self._asker.answers)

    # -- what the consumer sees ----------------------------------------------------------------

    def __aiter__(self) -> Subscriber:
        return self

    async def __anext__(self) -> Item:
        """The next item. Calling it says that the one before was handled."""
        if self._handling is not None:
            event, self._handling = self._handling, None
            self._positions[event.shard_count, event.shard_id] = (event.epoch, event.seq)
        while True:
            while self._queue:
                item = self._queue.popleft()
                if not self._reading and len(self._queue) < MAX_QUEUE // 2:
                    self._listen(True)
                if isinstance(item, _Place):
                    self._positions[item.key] = (item.epoch, item.seq)
                    continue
                if isinstance(item, Event):
                    self._handling = item
                    self._events += 1
                return item
            if self._refused is not None:
                raise self._refused
            self._arrived.clear()
            await self._arrived.wait()

    @property
    def position(self) -> dict[str, Any]:
        """How far all was handled, as data for json.dumps; the event at hand is not included."""
        shards = [SavedShard(*key, *place) for key, place in sorted(self._positions.items())]
        return Saved(self._store, shards).plain()
