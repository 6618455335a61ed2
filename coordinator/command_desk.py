"""The verbs `send` and `shards`: a command goes to the worker that has the shard, and its word
comes back."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from cluster.commands import BusyError, NotSentError, read
from cluster.errors import ClusterError
from cluster.gateway import shard_of_guild
from cluster.wire import link
from cluster.wire.commands import SEND_S, SendArgs, SentBy, Shards
from cluster.wire.control import error_of
from coordinator.control_server import Verb, args_of
from coordinator.roster import Roster

MOST_UNDER_WAY: Final = 4096
"""Commands that may be under way to workers at a time."""
FULL_AGAIN_S: Final = 1.0


class _UnderWay(NamedTuple):
    slot: int
    answer: asyncio.Future[link.Sent]


class CommandDesk:
    """Passes commands on. It keeps none: a worker queues them, one shard at a time."""

    def __init__(
        self, roster: Roster, send: Callable[[int, link.ToWorker], bool], first_number: int
    ) -> None:
        """first_number: another than those of a coordinator before this one, since a worker that
        was adopted may still answer that one."""
        self._roster = roster
        self._send = send
        self._numbers = itertools.count(first_number)
        self._under_way: dict[int, _UnderWay] = {}

    def table(self) -> Mapping[str, Verb]:
        """By name."""
        return {"send": self.send, "shards": self.shards}

    async def send(self, args: dict[str, Any]) -> SentBy:
        """args: SendArgs. Answered when the command was handed to the shard's connection, or is
        refused. Shards are those of the plan in force."""
        asked = args_of(args, SendArgs)
        command = read(asked.payload)
        shard_id, plan = self._shard(asked), self._roster.plan
        slot = plan.slot_of[shard_id]
        if len(self._under_way) >= MOST_UNDER_WAY:
            cause = f"{MOST_UNDER_WAY} commands are under way already"
            raise BusyError.after(FULL_AGAIN_S, cause)
        number = next(self._numbers)
        answer = asyncio.get_running_loop().create_future()
        self._under_way[number] = _UnderWay(slot, answer)
        try:
            message = link.Send(
                number=number, shard_id=shard_id, op=command.op, payload=command.payload
            )
            if not self._send(slot, message):
                raise _not_there(slot, shard_id)
            async with asyncio.timeout(SEND_S):
                sent = await answer
        except TimeoutError:
            raise ClusterError(
                f"worker {slot} does not say whether shard {shard_id} sent it",
                f"see worker-{slot}.log; `dcgw-cluster status` shows how the worker fares",
            ) from None
        finally:
            del self._under_way[number]
        if sent.failure is not None:
            raise error_of(sent.failure)
        return SentBy(shard_id=shard_id, shard_count=plan.shard_count)

    async def shards(self, args: dict[str, Any]) -> Shards:
        """No args. For who may send, and may not ask for all that `status` tells."""
        plan = self._roster.plan
        return Shards(shards=sorted(plan.slot_of), shard_count=plan.shard_count)

    def _shard(self, asked: SendArgs) -> int:
        plan = self._roster.plan
        if (asked.shard is None) == (asked.guild is None):
            raise ClusterError("neither a shard nor a guild is named, or both", "name one of them")
        if asked.guild is not None:
            shard_id = shard_of_guild(asked.guild, plan.shard_count)
            of = f"guild {asked.guild} is of shard {shard_id} of {plan.shard_count}, which is not"
        else:
            assert asked.shard is not None
            shard_id = asked.shard
            of = f"shard {shard_id} is not"
        if shard_id not in plan.slot_of:
            there = f"{plan.shards[0]} to {plan.shards[-1]}"
            raise NotSentError(f"{of} one of this cluster's", f"there are {there}")
        return shard_id

    def answered(self, slot: int, sent: link.Sent) -> None:
        """A worker's word on a command."""
        known = self._under_way.get(sent.number)
        if known is not None and known.slot == slot and not known.answer.done():
            known.answer.set_result(sent)

    def gone(self, slot: int) -> None:
        """The worker of this slot ended: nobody knows what it had sent."""
        for under_way in self._under_way.values():
            if under_way.slot == slot and not under_way.answer.done():
                under_way.answer.set_exception(
                    ClusterError(
                        f"worker {slot} ended before it said whether the command was sent",
                        "its next process is starting: send it again if twice does no harm",
                    )
                )


def _not_there(slot: int, shard_id: int) -> NotSentError:
    return NotSentError(
        f"worker {slot}, which has shard {shard_id}, is not there now", "send it again in a moment"
    )
