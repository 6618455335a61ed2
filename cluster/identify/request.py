"""Identify: leave to identify a shard, asked for at the coordinator that grants it.

ControlClient makes it, for programs that run shards of the bot by themselves and share its limits
with a cluster, and for a coordinator whose ``identify.broker`` is another one.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Final, Protocol, Self, TypeVar

import msgspec

from cluster.errors import ClusterError
from cluster.wire.identifies import POLL_S, IdentifyAsk, IdentifyNotice, IdentifyTurn

log = logging.getLogger(__name__)

SLACK_S: Final = 5.0
"""An `identify` that is not answered for POLL_S and this is asked again."""
LEAST_S: Final = 5.0
"""A grant that is good for less is given back: what is done with it must not come too late."""
NOTICE_S: Final = 5.0
"""How long the coordinator may take to answer a notice before it is sent again."""
NOTICE_TRIES: Final = 3

Result = TypeVar("Result")


class IdentifyControl(Protocol):
    """What an Identify needs of a ControlConnection."""

    async def exchange(
        self, verb: str, kind: type[Result], args: dict[str, Any], seconds: float
    ) -> Result:
        """Send one request and return its answer. TimeoutError: none came in so many seconds."""

    def notify(self, verb: str, args: dict[str, Any]) -> None:
        """Send one request of which no answer is awaited; it is lost if nobody is there."""

    def no_answer(self, seconds: float) -> ClusterError:
        """Return what it means that no answer came for so long."""


class Identify:
    """Leave for one identify: an async context manager, entered when the shard may identify, now
    and once.

    Leaving it tells the coordinator that the identify was sent, which closes its bucket for the
    next 5 s; leaving it by an exception, that it was not and will not be: the grant comes back. Who
    knows better says so in the block, by `sent` or `unused`; what was said first holds.

    `ready` is optional: told of the READY, the coordinator knows when the identify arrived.
    """

    def __init__(
        self,
        control: IdentifyControl,
        ask: IdentifyAsk,
        *,
        patience: float | None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """patience: seconds without any answer until the coordinator's error; None: for ever.
        clock: monotonic seconds."""
        self._control = control
        self._ask = ask
        self._args: dict[str, Any] = msgspec.to_builtins(ask)
        self._notice: dict[str, Any] = msgspec.to_builtins(
            IdentifyNotice(ticket=ask.ticket, shard_id=ask.shard_id)
        )
        self._patience = patience
        self._clock = clock
        self._entered = False
        self._settled = False
        """It was said whether it was sent."""
        self.silent_since: float | None = None
        """Time of the clock since when the coordinator does not answer; None: it does."""

    async def __aenter__(self) -> Self:
        if self._entered:
            raise ClusterError("this leave to identify was used", "ask for one for each identify")
        self._entered = True
        await self.granted()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            await (self.sent() if kind is None else self.unused())
        except ClusterError as failure:  # its grant counts as sent at the latest moment possible
            log.warning("shard %d: %s", self._ask.shard_id, failure)

    async def granted(self) -> None:
        """Return when the shard may identify: within LEAST_S from now, or never with this grant.

        ClusterError: the coordinator refuses, or does not answer for `patience`. Cancelled or
        failed, it gives its place up.
        """
        try:
            while not await self._poll():
                pass
        except BaseException:
            self._settled = True
            self._control.notify("identify_unused", self._notice)
            raise

    async def _poll(self) -> bool:
        """Ask once whether the shard may identify now."""
        asked_s = self._clock()
        try:
            turn = await self._control.exchange(
                "identify", IdentifyTurn, self._args, POLL_S + SLACK_S
            )
        except TimeoutError:
            if self.silent_since is None:
                self.silent_since = asked_s
            silent = self._clock() - self.silent_since
            if self._patience is not None and silent >= self._patience:
                raise self._control.no_answer(silent) from None
            return False
        self.silent_since = None
        # Counted from before it was asked for: whatever held us up since then is in it
        if turn.granted and self._clock() > asked_s + turn.good_s - LEAST_S:
            self._control.notify("identify_unused", self._notice)
            return False
        return turn.granted

    async def sent(self) -> None:
        """The identify went out at this moment. ClusterError: the coordinator does not answer; it
        takes a grant of which it heard nothing for spent."""
        await self._settle("identify_sent")

    async def unused(self) -> None:
        """The identify was not sent and will not be. ClusterError as for `sent`."""
        await self._settle("identify_unused")

    async def ready(self) -> None:
        """The READY of the identify that was sent has come. ClusterError as for `sent`."""
        await self._notify("identify_ready")

    async def _settle(self, verb: str) -> None:
        if not self._settled:
            self._settled = True
            await self._notify(verb)

    async def _notify(self, verb: str) -> None:
        for _ in range(NOTICE_TRIES):
            try:
                await self._control.exchange(verb, object, self._notice, NOTICE_S)
            except TimeoutError:
                continue
            return
        raise self._control.no_answer(NOTICE_TRIES * NOTICE_S)
