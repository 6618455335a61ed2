"""Requests: takes what clients ask, and has it sent."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from cluster.control import ControlClient
from cluster.discord.opcodes import Op
from cluster.proxy.interfaces import Session
from cluster.proxy.refusal import Refused
from cluster.proxy.requests.answers import Answers

_TAKEN: Final = frozenset(
    (
        Op.PRESENCE_UPDATE,
        Op.VOICE_STATE_UPDATE,
        Op.REQUEST_GUILD_MEMBERS,
        Op.REQUEST_SOUNDBOARD_SOUNDS,
        Op.REQUEST_CHANNEL_INFO,
    )
)


class Requests:
    """What the clients of one proxy process ask of Discord; an interfaces.Commands."""

    def __init__(
        self,
        control: ControlClient,
        folder: Path,
        *,
        process: int = 0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """folder: where the proxy's processes of this host keep what outlives them. process: the
        number of this one among them. clock: monotonic seconds."""
        self._control = control
        self._clock = clock
        self.asked = Answers()

    async def run(self) -> None:
        """Send what clients ask, until this is cancelled."""
        await asyncio.Event().wait()

    def close(self) -> None:
        """Close what is open; call it once `run` has ended."""

    def identified(self, session: Session) -> None:
        """See interfaces.Commands."""

    def resumed(self, session: Session) -> None:
        """See interfaces.Commands."""

    def received(self, session: Session, op: int, d: Any) -> None:
        """See interfaces.Commands."""
        if op not in _TAKEN:
            raise Refused(4001, "Unknown opcode.")

    def detached(self, session: Session, *, over: bool) -> None:
        """See interfaces.Commands."""

    def shard_ready(self, shard_id: int, shard_count: int) -> None:
        """See interfaces.Commands."""
