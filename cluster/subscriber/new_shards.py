"""NewShards: asks the journals where shards begin that appear while a subscriber listens, since
their shard count may have come into force only now."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Collection, Mapping
from typing import Final

from cluster.subscriber.chain import ShardChain
from cluster.subscriber.replay_client import NoAnswerError, ReplayClient
from cluster.wire.position import ShardKey
from cluster.wire.replay import HeadRow
from cluster.wire.states import HeadState

log = logging.getLogger(__name__)

AGAIN_SECONDS: Final = 0.2
END_SECONDS: Final = 1.0
"""Between two questions whether another shard count has ended."""
PATIENCE_SECONDS: Final = 5.0
"""A shard that the journals do not tell of for so long (they can't be written) begins with what
came of it; what may lie before is asked for, and becomes a gap."""

Begin = Callable[[list[HeadRow], dict[ShardKey, tuple[int, int]]], None]


class NewShards:
    """Asks, one question at a time, for as long as a chain that holds something has not begun, or
    waits for another shard count's end. ``close`` ends it. Belongs to one event loop."""

    def __init__(
        self,
        replay: ReplayClient,
        chains: Mapping[ShardKey, ShardChain],
        placed: Collection[ShardKey],
        begin: Begin,
        drop: Callable[[ShardKey], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """placed: shards that are known to begin somewhere, and wait for another shard count's end:
        while there are any, the journals are asked whether it has come. begin: called with the
        heads, and (epoch, seq) of the chains that begin. drop: called with a shard that is no
        more."""
        self._replay = replay
        self._chains = chains
        self._placed = placed
        self._begin = begin
        self._drop = drop
        self._clock = clock
        self._since: dict[ShardKey, float] = {}
        """Chains that have not begun, and since when the journals are asked, by the clock."""
        self._task: asyncio.Task[None] | None = None

    def look_up(self) -> None:
        """Ask for a shard that has not begun, of which something came."""
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._ask())
            self._task.add_done_callback(self._asked)

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def _asked(self, task: asyncio.Task[None]) -> None:
        self._task = None
        if not task.cancelled():
            task.result()

    async def _ask(self) -> None:
        while (waiting := self._waiting()) or self._placed:
            try:
                heads = await self._replay.heads()
            except NoAnswerError as error:
                log.warning("%s; asking again where new shards begin", error)
            else:
                self._answered(heads.shards, waiting)
            if self._waiting():
                await asyncio.sleep(AGAIN_SECONDS)
            elif self._placed:
                await asyncio.sleep(END_SECONDS)

    def _waiting(self) -> dict[ShardKey, float]:
        now = self._clock()
        self._since = {
            key: self._since.get(key, now)
            for key, chain in self._chains.items()
            if not chain.epoch and chain.first_epoch is not None and key not in self._placed
        }
        return self._since

    def _answered(self, rows: list[HeadRow], waiting: Mapping[ShardKey, float]) -> None:
        now = self._clock()
        known = {(row.shard_count, row.shard_id): row for row in rows}
        positions: dict[ShardKey, tuple[int, int]] = {}
        for key, since in waiting.items():
            row, chain = known.get(key), self._chains.get(key)
            if chain is None or chain.epoch or key in self._placed:
                continue
            first = chain.first_epoch or 1
            if row is not None and row.state is HeadState.RETIRED:
                self._drop(key)  # what it still sent after it was finished here
            elif row is not None and not row.state:
                public = row.public
                positions[key] = (public.epoch, public.seq) if public else (first, -1)
            elif now - since > PATIENCE_SECONDS:
                log.warning("no journal tells where shard %d of %d begins", key[1], key[0])
                positions[key] = first, -1
        if positions or self._placed:
            self._begin(rows, positions)
