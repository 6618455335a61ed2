"""The verbs `send` and `shards`: a command goes to the worker that has the shard, and its answer
comes back."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from cluster.commands import BusyError, Command, NotSentError, read
from cluster.discord.limits import shard_of_guild
from cluster.errors import ClusterError
from cluster.wire import link
from cluster.wire.commands import SendArgs, SentBy, Shards
from cluster.wire.control import error_of
from coordinator.changes import Changes
from coordinator.sharding.assignments import Assignments
from coordinator.verb import Verb, args_of
from coordinator.workers.command_counts import CommandCounts
from coordinator.workers.link import Send

MOST_UNDER_WAY: Final = 4096
"""Commands that may be under way to workers at a time."""
FULL_AGAIN_S: Final = 1.0
ANSWER_S: Final = 75.0
"""How long a worker may take to answer: a command waits at most half a minute for a session, or a
minute for room."""
BACK_S: Final = 10.0
"""How long a command waits for a worker that is being restarted."""


class _UnderWay(NamedTuple):
    """A command that a worker has, and what waits for the answer."""

    slot: int
    answer: asyncio.Future[link.Sent]


class CommandRouter:
    """Passes commands on to the workers that queue them. Here they wait only for a worker that is
    being restarted."""

    def __init__(
        self,
        assignments: Assignments,
        changes: Changes,
        is_running: Callable[[int], bool],
        send: Send,
        first_number: int,
    ) -> None:
        """is_running: whether the worker of a slot is there and is heard of. first_number: the
        number of the first command; another than those of a coordinator before this one, since a
        worker that was adopted may still answer that one."""
        self._assignments = assignments
        self._changes = changes
        self._is_running = is_running
        self._send = send
        self._numbers = itertools.count(first_number)
        self.counts = CommandCounts()
        self._asked = 0
        self._under_way: dict[int, _UnderWay] = {}

    def verbs(self) -> Mapping[str, Verb]:
        """Return the verbs by name."""
        return {"send": self.send, "shards": self.shards}

    async def send(self, args: dict[str, Any]) -> SentBy:
        """Send a command. args: SendArgs. Answered when it was handed to the shard's connection, or
        is refused. Shards are those of the plan in force."""
        asked = args_of(args, SendArgs)
        command = read(asked.payload)
        with self.counts.under_way(command.op):
            return await self._send_once(asked, command)

    async def _send_once(self, asked: SendArgs, command: Command) -> SentBy:
        """Pass a command on and wait for the answer."""
        if self._asked >= MOST_UNDER_WAY:
            cause = f"{MOST_UNDER_WAY} commands are under way already"
            raise BusyError.after(FULL_AGAIN_S, cause)
        number = next(self._numbers)
        self._asked += 1
        try:
            target = await self._pass_on(asked, number, command)
            sent = await self._answer(self._under_way[number], target)
        finally:
            self._asked -= 1
            self._under_way.pop(number, None)
        if sent.failure is not None:
            raise error_of(sent.failure)
        return target

    async def _pass_on(self, asked: SendArgs, number: int, command: Command) -> SentBy:
        """Pass a command on to the worker that has the shard, once it is there: plans change while
        it is awaited. Return the shard."""
        answer = asyncio.get_running_loop().create_future()
        slot, target = -1, SentBy(shard_id=-1, shard_count=0)

        def is_passed() -> bool:
            nonlocal slot, target
            shard_id = self._shard(asked)
            slot = self._assignments.plan.slot_of[shard_id]
            target = SentBy(shard_id=shard_id, shard_count=self._assignments.plan.shard_count)
            message = link.Send(
                number=number, shard_id=shard_id, op=command.op, payload=command.payload
            )
            if not self._is_running(slot) or not self._send(slot, message):
                return False
            self._under_way[number] = _UnderWay(slot, answer)
            return True

        if not await self._changes.until(is_passed, BACK_S):
            raise NotSentError(
                f"worker {slot}, which has shard {target.shard_id}, is not there now",
                "`dcgw-cluster status` says why; send it again when it is back",
            )
        return target

    async def _answer(self, under_way: _UnderWay, target: SentBy) -> link.Sent:
        """Wait for a worker's word on a command. ClusterError: none came."""
        slot = under_way.slot
        try:
            async with asyncio.timeout(ANSWER_S):
                return await under_way.answer
        except TimeoutError:
            raise ClusterError(
                f"worker {slot} does not say whether shard {target.shard_id} sent it",
                f"see worker-{slot}.log; `dcgw-cluster status` shows how the worker fares",
            ) from None

    async def shards(self, args: dict[str, Any]) -> Shards:
        """Tell which shards there are, for who may send and may not ask for all that `status`
        tells. No args."""
        plan = self._assignments.plan
        return Shards(shards=list(plan.shards), shard_count=plan.shard_count)

    def _shard(self, asked: SendArgs) -> int:
        """Return the shard that a command is for. ClusterError: it does not say. NotSentError: the
        shard is not one of this cluster's."""
        plan = self._assignments.plan
        if (asked.shard is None) == (asked.guild is None):
            raise ClusterError("neither a shard nor a guild is named, or both", "name one of them")
        if asked.guild is not None:
            shard_id = shard_of_guild(asked.guild, plan.shard_count)
            subject = (
                f"guild {asked.guild} is of shard {shard_id} of {plan.shard_count}, which is not"
            )
        else:
            assert asked.shard is not None
            shard_id = asked.shard
            subject = f"shard {shard_id} is not"
        if shard_id not in plan.slot_of:
            known = f"{plan.shards[0]} to {plan.shards[-1]}"
            raise NotSentError(f"{subject} one of this cluster's", f"there are {known}")
        return shard_id

    def answered(self, slot: int, sent: link.Sent) -> None:
        """Take a worker's word on a command."""
        known = self._under_way.get(sent.number)
        if known is not None and known.slot == slot and not known.answer.done():
            known.answer.set_result(sent)

    def gone(self, slot: int) -> None:
        """Take note that the worker of this slot ended: nobody knows what it had sent."""
        for under_way in self._under_way.values():
            if under_way.slot == slot and not under_way.answer.done():
                under_way.answer.set_exception(
                    ClusterError(
                        f"worker {slot} ended before it said whether the command was sent",
                        "its next process is starting: send it again if twice does no harm",
                    )
                )
