"""Backfill: asks the replay server for what chains lack, one question a shard at a time."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from functools import partial
from typing import Final, NamedTuple

from cluster.subscriber.chain import Names, ShardChain
from cluster.subscriber.replay_client import NoAnswerError, ReplayClient
from cluster.wire.position import ShardKey
from cluster.wire.states import GapReason

log = logging.getLogger(__name__)

GRACE_SECONDS: Final = 0.1
"""A drain's other batches may be on their way: what is missing is asked for after this."""
AGAIN_SECONDS: Final = 0.3
AT_ONCE: Final = 4
"""Questions that stand open, each about another shard: what their answers take of memory, some MiB
each while they are read, is bounded so."""


class _Blocked(NamedTuple):
    """A shard that can't go on: where it stands, when to ask for it, and its chain."""

    epoch: int
    seq: int
    due: float
    """Time of time.monotonic()."""
    chain: ShardChain


class Backfill:
    """Knows which shards can't go on for want of something. ``close`` ends its tasks."""

    def __init__(
        self,
        names: Names,
        collect: Callable[[ShardKey, ShardChain], None],
        has_room: Callable[[], bool],
    ) -> None:
        """collect: called after a chain was answered. has_room: whether more may be asked for."""
        self.replay: ReplayClient | None = None
        """None: there is nobody to ask, and what is wanted becomes gaps."""
        self.answers = 0
        """How many questions were answered."""
        self.misses = 0
        """How often something was asked for that should have come by way of the hub."""
        self._names = None if names is None else sorted(names)
        self._collect = collect
        self._has_room = has_room
        self._blocked: dict[ShardKey, _Blocked] = {}
        self._missed: dict[ShardKey, tuple[int, int]] = {}
        """After which place (epoch, seq) each shard missed something last."""
        self._tasks: dict[ShardKey, asyncio.Task[None]] = {}
        self._closed = False

    def check(self, key: ShardKey, chain: ShardChain) -> None:
        """Note whether this chain wants anything; call it when something was given to it."""
        wanted = chain.wanted()
        if wanted is None:
            self._blocked.pop(key, None)
            return
        before = self._blocked.get(key)
        if before is None or before[:2] != (wanted.epoch, wanted.after):
            due = time.monotonic() + (0.0 if chain.lagging else GRACE_SECONDS)
            self._blocked[key] = _Blocked(wanted.epoch, wanted.after, due, chain)

    def clear(self) -> None:
        """Ask for nothing more: the chains are no more."""
        self._blocked.clear()

    def tick(self, now: float) -> None:
        """Ask for what is due. now: time.monotonic()."""
        for key, blocked in list(self._blocked.items()):
            if len(self._tasks) >= AT_ONCE or not self._has_room():
                return
            if now >= blocked.due and key not in self._tasks:
                task = asyncio.get_running_loop().create_task(self._ask(key, blocked.chain))
                self._tasks[key] = task
                task.add_done_callback(partial(self._done, key))

    async def close(self) -> None:
        self._closed = True
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self.replay is not None:
            self.replay.close()

    def _done(self, key: ShardKey, task: asyncio.Task[None]) -> None:
        del self._tasks[key]
        if not task.cancelled():
            task.result()
            if not self._closed:
                self.tick(time.monotonic())

    async def _ask(self, key: ShardKey, chain: ShardChain) -> None:
        self._count_miss(key, chain)
        while (wanted := chain.wanted()) is not None and self._has_room():
            if self.replay is None:
                chain.give_up(GapReason.NO_REPLAY)
                self._collect(key, chain)
                continue
            try:
                answer = await self.replay.range(*key, wanted, self._names)
            except NoAnswerError as error:
                log.warning("shard %d: %s; asking again", key[1], error)
                break
            if key not in self._blocked or self._blocked[key].chain is not chain:
                return  # What it lacked has come meanwhile, or it is no more.
            self.answers += 1
            chain.answer(answer)
            self._collect(key, chain)
            if not answer.more:
                break
            if len(self._blocked) > AT_ONCE:
                self._put_last(key, 0.0)  # Others wait too: one slice each.
                return
        self._put_last(key, AGAIN_SECONDS)

    def _count_miss(self, key: ShardKey, chain: ShardChain) -> None:
        """Count what is asked for, once however often it is, unless the chain begins there."""
        wanted = chain.wanted()
        if wanted is None or chain.lagging:
            return
        place = (wanted.epoch, wanted.after)
        self.misses += self._missed.get(key) != place
        self._missed[key] = place

    def _put_last(self, key: ShardKey, seconds: float) -> None:
        """Ask for it again after so many seconds, if it is still wanted, and after the others."""
        if key in self._blocked:
            blocked = self._blocked.pop(key)
            self._blocked[key] = blocked._replace(due=time.monotonic() + seconds)
