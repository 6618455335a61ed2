"""How many commands were given to the coordinator, by opcode, and what became of them (pure)."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator
from typing import Final

from cluster.discord.opcodes import Op
from cluster.wire.status import CommandStatus
from cluster.wire.traffic import OTHER

NAMES: Final = {int(op): op.name.lower() for op in Op}


class CommandCounts:
    """Counts commands by the name of their opcode; those that have none are OTHER together."""

    def __init__(self) -> None:
        self._sent: Counter[str] = Counter()
        self._failed: Counter[str] = Counter()
        self._waiting: Counter[str] = Counter()

    @contextlib.contextmanager
    def under_way(self, op: int) -> Iterator[None]:
        """Count a command as waiting for as long as this is entered, then as sent, or, if it is
        left by an error, as failed."""
        name = NAMES.get(op, OTHER)
        self._waiting[name] += 1
        outcome = self._failed
        try:
            yield
            outcome = self._sent
        finally:
            outcome[name] += 1
            self._waiting[name] -= 1

    def rows(self) -> list[CommandStatus]:
        """Return a row for each opcode that was given, by name."""
        return [
            CommandStatus(
                op=name,
                sent=self._sent[name],
                failed=self._failed[name],
                waiting=waiting,
            )
            for name, waiting in sorted(self._waiting.items())
        ]
