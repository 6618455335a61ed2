"""Sender: hands what waits to the cluster, many at a time, without anybody waiting for another."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from cluster.commands import BusyError, Command, CommandError, NotSentError
from cluster.control import ControlClient
from cluster.discord.opcodes import Op
from cluster.errors import ClusterError, KeyRefusedError
from cluster.proxy.requests.lanes import Lanes, Request
from cluster.proxy.requests.presences import PresenceQueue
from cluster.proxy.requests.unsent import Unsent

AGAIN_S: Final = (0.5, 1.0, 2.0, 4.0, 8.0)
"""Seconds until a request that was not sent is tried again, by how often it was."""
TURN_S: Final = 60.0
"""Seconds that a request has for its turn, from when Discord has room for it."""
FOR_GOOD: Final = (CommandError, KeyRefusedError)
"""Errors after which the same request would fail again."""


class Sender:
    """Sends requests and presences through a ControlClient, and tries again what could not be
    sent while that makes sense: a session that is resumed, a worker that is restarted."""

    def __init__(
        self,
        control: ControlClient,
        lanes: Lanes,
        presences: PresenceQueue,
        *,
        shown: Callable[[int], Command | None],
        sent: Callable[[Request], None],
        given_up: Callable[[Request, ClusterError], None],
        unsent: Unsent,
        clock: Callable[[], float],
    ) -> None:
        """shown: the presence that a shard of the cluster is to show; None: it is none of the
        cluster's, or nobody asks for one. sent, given_up: hear of each request once."""
        self._control = control
        self._lanes = lanes
        self._presences = presences
        self._shown = shown
        self._sent = sent
        self._given_up = given_up
        self._unsent = unsent
        self._clock = clock
        self._news = asyncio.Event()

    def wake(self) -> None:
        """Something waits that did not before."""
        self._news.set()

    async def run(self) -> None:
        """Send until this is cancelled; what is on its way then may have been sent or not."""
        async with asyncio.TaskGroup() as group:
            while True:
                self._news.clear()
                now = self._clock()
                while (request := self._lanes.take(now)) is not None:
                    group.create_task(self._send(request), name=f"op {request.op}")
                while (shard_id := self._presences.take(now)) is not None:
                    group.create_task(self._show(shard_id), name=f"presence of shard {shard_id}")
                await self._wait(now)

    async def _wait(self, now: float) -> None:
        due = [at for at in (self._lanes.due, self._presences.due) if at is not None]
        try:
            async with asyncio.timeout(min(due) - now if due else None):
                await self._news.wait()
        except TimeoutError:
            pass  # it is time for another

    async def _send(self, request: Request) -> None:
        try:
            if request.expires <= self._clock():
                raise NotSentError("it has waited too long for its turn")
            await self._control.guild(request.guild_id).send(request.command)
        except ClusterError as error:
            self._failed(request, error)
        else:
            self._lanes.done(request)
            self._sent(request)
        self.wake()

    def _failed(self, request: Request, error: ClusterError) -> None:
        at = self._clock() + max(_wait(error), AGAIN_S[min(request.tries, len(AGAIN_S) - 1)])
        if isinstance(error, BusyError):
            request.expires = max(request.expires, min(at + TURN_S, request.latest))
        if isinstance(error, FOR_GOOD) or at >= request.expires:
            self._lanes.done(request)
            self._given_up(request, error)
            return
        self._unsent.delayed(request.op, error)
        self._lanes.again(request, at)

    async def _show(self, shard_id: int) -> None:
        try:
            command = self._shown(shard_id)
            if command is not None:
                await self._control.shard(shard_id).send(command)
        except ClusterError as error:
            self._unsent.delayed(Op.PRESENCE_UPDATE, error)
            self._presences.failed(shard_id, self._clock(), _wait(error))
        else:
            self._presences.told(shard_id, self._clock())
        self.wake()


def _wait(error: ClusterError) -> float:
    return error.retry_after_s if isinstance(error, BusyError) else 0.0
