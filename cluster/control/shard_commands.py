"""The commands of one shard of a running cluster, for whoever has a ControlClient.

    async with ControlClient.find() as control:
        await control.shard(3).update_presence("dnd")
        members = await control.guild(guild_id).request_guild_members(guild_id, query="ab")

Answers to a request for members come out of the cluster as events, as all do; while one is awaited,
a Subscriber takes them from there.
"""

from __future__ import annotations

import asyncio
import copy
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Final, Protocol, TypeVar

from cluster.commands import Command, Commands, Take
from cluster.errors import ClusterError
from cluster.subscriber.subscriber import Event, Stalled, Subscriber
from cluster.wire.commands import SEND_S, SendArgs, SentBy
from cluster.wire.control import as_args

LOOK_S: Final = 5.0
"""How soon it is noticed that the coordinator of a command that waits is gone."""

Result = TypeVar("Result")


class CommandControl(Protocol):
    """What a door needs of a ControlClient."""

    async def exchange(
        self, verb: str, kind: type[Result], args: dict[str, Any], seconds: float
    ) -> Result: ...

    async def ping(self) -> None: ...


class AnswerWatcher:
    """One Subscriber for all who wait for answers, open while anybody does."""

    def __init__(
        self, make: Callable[[], Awaitable[Subscriber]], check: Callable[[], Awaitable[None]]
    ) -> None:
        """check: asks whether the coordinator is there; ClusterError: it is not."""
        self._make = make
        self._check = check
        self._takes: list[Take] = []
        self._limits: list[asyncio.Timeout] = []
        """Of those who wait."""
        self._opening = asyncio.Lock()
        self._reading: asyncio.Task[None] | None = None
        self._end: ClusterError | None = None
        """Why the last subscriber came to its end."""

    @asynccontextmanager
    async def watching(self, take: Take) -> AsyncIterator[None]:
        """Entered, `take` is told every event from then on. ClusterError: events can't be had, or
        not any more."""
        limit = asyncio.timeout(None)
        async with self._opening:
            if self._reading is None or self._reading.done():
                subscriber = await (await self._make()).__aenter__()
                self._reading = asyncio.create_task(self._read(subscriber), name="answers")
            self._takes.append(take)
            self._limits.append(limit)
        try:
            async with limit:
                yield
        except TimeoutError:
            if limit.expired() and self._end is not None:
                raise copy.copy(self._end) from None
            raise
        finally:
            self._limits.remove(limit)
            self._takes.remove(take)
            if not self._takes and self._reading is not None:
                reading, self._reading = self._reading, None
                _cancel(reading)
                await asyncio.gather(reading, return_exceptions=True)

    def close(self, error: ClusterError) -> None:
        """Whoever waits is told that no more comes."""
        if self._reading is not None:
            _cancel(self._reading)
        self._stop(error)

    def _stop(self, error: ClusterError) -> None:
        self._end = error
        for limit in self._limits:
            if not limit.expired():
                limit.reschedule(asyncio.get_running_loop().time())

    async def _read(self, subscriber: Subscriber) -> None:
        try:
            async for item in subscriber:
                if isinstance(item, Event):
                    for take in self._takes:
                        take(item.name, item.data)
                elif isinstance(item, Stalled):
                    await self._check()
        except ClusterError as error:
            self._stop(error)
        finally:
            await subscriber.__aexit__(None, None, None)


def _cancel(reading: asyncio.Task[None]) -> None:
    """Soon: one that has not begun would not close its subscriber."""
    loop = reading.get_loop()
    if not (reading.done() or loop.is_closed()):
        loop.call_soon(reading.cancel)


class ShardCommands(Commands):
    """One shard's, or that of the shard which has a guild. Made by ControlClient."""

    def __init__(
        self,
        control: CommandControl,
        watcher: AnswerWatcher,
        *,
        shard: int | None = None,
        guild: int | None = None,
    ) -> None:
        self._control = control
        self._watcher = watcher
        self._shard = shard
        self._guild = guild
        self.sent_by: SentBy | None = None
        """Which shard sent the last command."""

    async def send(self, command: Command) -> None:
        """A command that was made before (cluster.commands). Raises as the methods do."""
        await self._send(command)

    async def _send(self, command: Command) -> None:
        args = SendArgs(payload=command.payload, shard=self._shard, guild=self._guild)
        asked = asyncio.ensure_future(
            self._control.exchange("send", SentBy, as_args(args), SEND_S + LOOK_S)
        )
        try:
            while not asked.done():
                await asyncio.wait((asked,), timeout=LOOK_S)
                if not asked.done():
                    await self._control.ping()
        finally:
            asked.cancel()
        try:
            self.sent_by = asked.result()
        except TimeoutError:
            raise ClusterError(
                "the coordinator did not say whether the command was sent",
                "it was restarted meanwhile: send it again if twice does no harm",
            ) from None

    def _watch(self, take: Take) -> AbstractAsyncContextManager[None]:
        return self._watcher.watching(take)
