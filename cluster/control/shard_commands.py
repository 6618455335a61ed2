"""The commands of one shard of a running cluster, for whoever has a ControlClient.

    async with ControlClient.find() as control:
        await control.shard(3).update_presence("dnd")
        members = await control.guild(guild_id).request_guild_members(guild_id, query="ab")

Answers to a request for members come out of the cluster as events, as all do; while one is awaited,
a Subscriber takes them from there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Final

from cluster.commands import Command, Commands, Take
from cluster.control.answer_watcher import AnswerWatcher
from cluster.control_connection import ControlConnection
from cluster.errors import ClusterError
from cluster.wire.commands import SEND_S, SendArgs, SentBy
from cluster.wire.control import as_args

LOOK_S: Final = 5.0
"""How soon it is noticed that the coordinator of a command that waits is gone."""


class ShardCommands(Commands):
    """The commands of one shard, or of the shard that has a guild. Made by ControlClient."""

    def __init__(
        self,
        connection: ControlConnection,
        watcher: AnswerWatcher,
        ping: Callable[[], Awaitable[None]],
        *,
        shard: int | None = None,
        guild: int | None = None,
    ) -> None:
        """ping: raises ClusterError where the coordinator is gone."""
        self._connection = connection
        self._watcher = watcher
        self._ping = ping
        self._shard = shard
        self._guild = guild
        self.sent_by: SentBy | None = None
        """Which shard sent the last command."""

    async def send(self, command: Command) -> None:
        """A command that was made before (cluster.commands). Raises as the methods do."""
        await self._send(command)

    async def _send(self, command: Command) -> None:
        args = SendArgs(payload=command.payload, shard=self._shard, guild=self._guild)
        answer = asyncio.ensure_future(
            self._connection.exchange("send", SentBy, as_args(args), SEND_S + LOOK_S)
        )
        try:
            while not answer.done():
                await asyncio.wait((answer,), timeout=LOOK_S)
                if not answer.done():
                    await self._ping()
        finally:
            answer.cancel()
        try:
            self.sent_by = answer.result()
        except TimeoutError:
            raise ClusterError(
                "the coordinator did not say whether the command was sent",
                "it was restarted meanwhile: send it again if twice does no harm",
            ) from None

    def _watch(self, take: Take) -> AbstractAsyncContextManager[None]:
        return self._watcher.watching(take)
