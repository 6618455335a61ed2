"""The answers to subscribers' questions, from those of hosts.

Mostly one host holds what is asked for, and it alone is asked. Where an epoch ends, only all of
those that know it can say together; that something is gone, or what follows, they say once it is
known anew which hosts there are and what each holds. While one of them is away, nothing is gone.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from cluster.decode_errors import worth_saying
from cluster.wire import replay
from coordinator.replay_door.host_questions import HostQuestions, NoHostAnswerError
from coordinator.replay_door.host_view import Hosts, HostView
from coordinator.replay_door.merging import (
    Part,
    UnusableAnswerError,
    answer_alone,
    answer_together,
    denies,
    merged,
    nothing,
    part_of,
)

log = logging.getLogger(__name__)

ABREAST: Final = 4
"""Hosts that are asked one question at a time: so many slices of theirs it holds at most."""


class DoorAnswers:
    """Answers for the journals of all hosts of one cluster."""

    def __init__(
        self, cluster: str, view: HostView, questions: HostQuestions, clock: Callable[[], float]
    ) -> None:
        """cluster: its store id. clock: monotonic seconds, that of the view."""
        self.failures = 0
        """How many answers of hosts did not come, or were of no use."""
        self._cluster = cluster
        self._view = view
        self._questions = questions
        self._clock = clock

    async def answer(self, request: replay.Request) -> replay.Response:
        """Answer a question."""
        if isinstance(request, replay.HeadsRequest):
            return await self._heads(request)
        return await self._range(request)

    async def _heads(self, request: replay.HeadsRequest) -> replay.Response:
        await self._view.since(self._clock())
        hosts, table = self._view.hosts(), self._view.table
        unknown = table.unknown(sorted(hosts.ids.keys() | hosts.away))
        if unknown or not hosts.settled:
            cause = f"what host {unknown[0]} holds" if unknown else "which hosts there are"
            return replay.Refusal(id=request.id, cause=f"{cause} is not known yet: ask again")
        return table.merged(request.id, self._cluster, hosts.gone)

    async def _range(self, question: replay.RangeRequest) -> replay.RangeAnswer:
        asked_at = self._clock()
        hosts, table = self._view.hosts(), self._view.table
        parts: dict[str, Part] = {}
        likeliest = table.likeliest(question, hosts.ids.keys())
        if likeliest is not None:
            part = await self._part(likeliest, hosts, question)
            if part is not None:
                parts[likeliest] = part
                is_alone = table.is_alone(question, likeliest)
                alone = answer_alone(part, question, is_alone=is_alone)
                if alone is not None:
                    return alone
        answer = await self._together(question, parts)
        if denies(answer, question.upto) and not answer.away:
            # What the heads said before the question was asked is no proof.
            await self._view.since(asked_at)
            answer = await self._together(question, {})
        return answer

    async def _together(
        self, question: replay.RangeRequest, parts: dict[str, Part]
    ) -> replay.RangeAnswer:
        """Ask all hosts that may have something to say. parts: what some have said."""
        hosts = self._view.hosts()
        whole = hosts.is_whole
        known = nothing(question.after)
        for part in parts.values():
            known = merged(known, part, question.after)
        abreast = asyncio.Semaphore(ABREAST)

        async def take_in(name: str) -> None:
            nonlocal known, whole
            async with abreast:
                part = await self._part(name, hosts, question)
                if part is None:
                    whole = False
                else:
                    known = merged(known, part, question.after)

        table = self._view.table
        async with asyncio.TaskGroup() as group:
            for name in hosts.ids:
                if name not in parts and table.may_say(question, name):
                    group.create_task(take_in(name))
        return answer_together(known, question, is_whole=whole)

    async def _part(self, name: str, hosts: Hosts, question: replay.RangeRequest) -> Part | None:
        """Return what a host knows; None: it does not say."""
        try:
            answer = await self._questions.range(hosts.ids[name], question)
            return part_of(answer, question)
        except (NoHostAnswerError, UnusableAnswerError) as error:
            self.failures += 1
            if worth_saying(self.failures):
                log.warning("shard %d: %s (the %d. time)", question.shard_id, error, self.failures)
            return None
