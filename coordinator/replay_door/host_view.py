"""What the door knows of the hosts: which there are, by the coordinator, and what each holds, by
itself; and how fresh that is."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final, NamedTuple

from cluster.decode_errors import worth_saying
from cluster.errors import ClusterError
from cluster.wire.hosts import KnownHost, KnownHosts
from cluster.wire.states import HostState
from coordinator.replay_door.heads import HeadsTable, heads_of
from coordinator.replay_door.host_questions import HostQuestions, NoHostAnswerError

log = logging.getLogger(__name__)

PERIOD_S: Final = 1.0
"""Seconds between two looks when nobody needs one."""
REST_S: Final = 0.1
"""Seconds at least between the end of a look and the next."""
ANSWERING: Final = frozenset({HostState.HERE, HostState.DRAINING})


class Hosts(NamedTuple):
    """The hosts at one moment."""

    ids: dict[str, str]
    """Name -> host id of those that can be asked."""
    away: set[str]
    """Names of those that can't be asked now, and may come back."""
    gone: set[str]
    settled: bool
    """Every host that may hold something is among these."""

    @property
    def is_whole(self) -> bool:
        """Whether all that there is can be asked for now."""
        return self.settled and not self.away


class HostView:
    """Looks at all hosts once a second, and when somebody needs to know better, while `run`
    does."""

    def __init__(
        self,
        cluster: str,
        known: Callable[[], Awaitable[KnownHosts]],
        questions: HostQuestions,
        clock: Callable[[], float],
    ) -> None:
        """cluster: store id. known: asks the coordinator; TimeoutError or ClusterError: it did not
        say. clock: monotonic seconds."""
        self.table = HeadsTable()
        self._cluster = cluster
        self._ask_known = known
        self._questions = questions
        self._clock = clock
        self._known: dict[str, KnownHost] = {}
        self._settled = False
        self._failures = 0
        self._began = float("-inf")
        """When the last look that has ended began."""
        self._wanted = asyncio.Event()
        self._ended = asyncio.Condition()

    def hosts(self) -> Hosts:
        """Return the hosts as they are known now."""
        silent = self._questions.silent
        ids = {
            host.name: host.id
            for host in self._known.values()
            if host.state in ANSWERING and host.id not in silent
        }
        gone = {host.name for host in self._known.values() if host.state is HostState.GONE}
        return Hosts(ids, self._known.keys() - ids.keys() - gone, gone, self._settled)

    async def since(self, moment: float) -> None:
        """Wait until a look has ended that began at this moment or later."""
        async with self._ended:
            while self._began < moment:
                self._wanted.set()
                await self._ended.wait()

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            self._wanted.clear()
            began = self._clock()
            await self._look()
            async with self._ended:
                self._began = began
                self._ended.notify_all()
            await asyncio.sleep(REST_S)
            try:
                async with asyncio.timeout(PERIOD_S - REST_S):
                    await self._wanted.wait()
            except TimeoutError:
                pass  # time for the next one

    async def _look(self) -> None:
        await self._look_who()
        self._questions.keep({host.id for host in self._known.values()})
        self.table.keep(self._known.keys())
        asked = [host for host in self._known.values() if host.state in ANSWERING]
        await asyncio.gather(*map(self._look_at, asked))

    async def _look_who(self) -> None:
        try:
            known = await self._ask_known()
            if known.cluster != self._cluster:
                raise ClusterError(f"it is of the store {known.cluster[:40]!r}")
        except (TimeoutError, ClusterError) as error:
            self._settled = False
            why = str(error) or type(error).__name__
            self._fail(f"the coordinator does not say which hosts there are: {why}")
            return
        self._known = {host.name: host for host in known.hosts}
        self._settled = known.settled

    async def _look_at(self, host: KnownHost) -> None:
        try:
            answer = await self._questions.heads(host.id)
        except NoHostAnswerError as error:
            self._fail(str(error))
            return
        if answer.cluster != self._cluster:
            self._questions.silent.add(host.id)
            self._fail(f"host {host.name} has journals of the store {answer.cluster[:40]!r}")
            return
        self.table.learn(host.name, heads_of(answer))

    def _fail(self, what: str) -> None:
        self._failures += 1
        if worth_saying(self._failures):
            log.warning("%s (the %d. such failure)", what, self._failures)
