"""A connection of a shard that goes nowhere."""

from __future__ import annotations

from shard_worker.transport.write_queue import Fate, MayLeave


class PlayedConnection:
    """Stands in for a Connection; what a test wants to see of it, it overrides."""

    waited_s = 0.0

    def send(
        self,
        payload: bytes,
        *,
        urgent: bool = False,
        command: bool = False,
        fate: Fate | None = None,
        may_leave: MayLeave | None = None,
    ) -> None:
        if may_leave is None or may_leave():
            self.took(payload, command, fate)
        elif fate is not None:
            fate(False)

    def took(self, payload: bytes, command: bool, fate: Fate | None) -> None:
        """Take what the shard sends."""

    def close(self, code: int) -> None: ...

    def leave(self, code: int) -> None: ...

    def settled(self, settled: bool) -> None: ...
