"""One long operation at a time, begun by a control request and followed by others."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from cluster.errors import ClusterError
from cluster.wire.control import failure_of
from cluster.wire.happenings import HappeningKind
from cluster.wire.operations import FOLLOW_S, Follow
from cluster.wire.states import OperationState
from cluster.wire.status import Operation
from coordinator.changes import Changes
from coordinator.happenings.record import HappeningRecord
from coordinator.verb import args_of

log = logging.getLogger(__name__)


class OperationProgress:
    """What an operation says of itself."""

    def __init__(
        self, tell: Callable[[str, int, int], None], left: Callable[[float | None], None]
    ) -> None:
        self._tell = tell
        self.left = left
        """Says how many seconds it will still take; None: it can't be said."""
        self._done = self._total = 0

    def steps(self, total: int) -> None:
        """Say how many steps there will be."""
        self._total = total

    def step(self, text: str) -> None:
        """Say which step begins."""
        self._tell(text, self._done, self._total)

    def did(self, text: str, done: int | None = None) -> None:
        """Say that one more step is done, or that so many are."""
        self._done = self._done + 1 if done is None else done
        self._tell(text, self._done, self._total)


Work = Callable[[OperationProgress], Awaitable[str]]
"""What an operation does: it returns what was done, as a sentence for a person. ClusterError: why
it ended early."""


class OperationRunner:
    """Runs one operation at a time, and tells how far it is."""

    def __init__(self, clock: Callable[[], float], record: HappeningRecord) -> None:
        """clock: monotonic seconds. record: takes note of beginnings and ends."""
        self.current: Operation | None = None
        """The operation that was begun last; None: there was none."""
        self.waits_for = "the cluster starts"
        """Why nothing can be begun yet; empty: it can."""
        self._clock = clock
        self._record = record
        self._began = 0.0
        self._ends_at: float | None = None
        """When the current one is reckoned to end, by the clock; None: nobody can say."""
        self._changes = Changes()
        self._task: asyncio.Task[None] | None = None

    def begin(self, kind: str, work: Work) -> Operation:
        """Begin an operation. ClusterError: another one is under way, or no worker runs yet."""
        if self.waits_for:
            raise ClusterError(
                f"no worker runs yet: {self.waits_for}", "ask again when `status` shows its shards"
            )
        if self.current is not None and self.current.state is OperationState.RUNNING:
            raise ClusterError(
                f"a {self.current.kind} is under way ({self.current.text})",
                "wait until it is done: `dcgw-cluster status` shows it",
            )
        self._began, self._ends_at = self._clock(), None
        self.current = Operation(id=secrets.token_hex(8), kind=kind)
        self._task = asyncio.create_task(self._run(work), name=kind)
        self._record.tell(HappeningKind.OPERATION_BEGAN, kind)
        return self.current

    async def follow(self, args: dict[str, Any]) -> Operation:
        """Tell what is new of an operation, at the latest after FOLLOW_S. args: Follow."""
        asked = args_of(args, Follow)
        if self.current is None or self.current.id != asked.id:
            raise ClusterError(
                "the operation is not known: the coordinator was restarted, or began another",
                "see `dcgw-cluster status`",
            )
        await self._changes.until(lambda: self._is_new(asked), FOLLOW_S)
        return self.status() or self.current

    def _is_new(self, asked: Follow) -> bool:
        now = self.current
        return (
            now is None
            or now.id != asked.id
            or now.state is not OperationState.RUNNING
            or (now.text, now.done) != (asked.known, asked.done)
        )

    def status(self) -> Operation | None:
        """Return the operation that was begun last, with how long it takes so far; None: there was
        none."""
        if self.current is None or self.current.state is not OperationState.RUNNING:
            return self.current
        now = self._clock()
        left_s = None if self._ends_at is None else max(0.0, self._ends_at - now)
        return msgspec.structs.replace(self.current, seconds=now - self._began, left_s=left_s)

    async def close(self) -> None:
        """End what is under way."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self, work: Work) -> None:
        try:
            text = await work(OperationProgress(self._tell, self._left))
        except ClusterError as error:
            self._record.tell(HappeningKind.OPERATION_FAILED, self._kind, cause=str(error))
            self._end(state=OperationState.FAILED, text=error.cause, failure=failure_of(error))
        except Exception as error:
            log.exception("not foreseen")
            failed = ClusterError(f"it failed ({type(error).__name__})", "see coordinator.log")
            self._record.tell(HappeningKind.OPERATION_FAILED, self._kind, cause=str(failed))
            self._end(state=OperationState.FAILED, text=failed.cause, failure=failure_of(failed))
        else:
            self._end(state=OperationState.DONE, text=text)
            self._record.tell(HappeningKind.OPERATION_DONE, self._kind, cause=text)

    @property
    def _kind(self) -> str:
        return self.current.kind if self.current else ""

    def _tell(self, text: str, done: int, total: int) -> None:
        assert self.current is not None
        log.debug("%s", text)
        self.current = msgspec.structs.replace(self.current, text=text, done=done, total=total)
        self._changes.tell()

    def _left(self, seconds: float | None) -> None:
        self._ends_at = None if seconds is None else self._clock() + seconds

    def _end(self, **what: Any) -> None:
        assert self.current is not None
        seconds = self._clock() - self._began
        self.current = msgspec.structs.replace(self.current, seconds=seconds, **what)
        self._changes.tell()
