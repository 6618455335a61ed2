"""The faults that happened in a run, the breaches, and which fault each of them is put down to."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from typing import Final

from tests.chaos.faults.schedule import Fault
from tests.chaos.judgement.records import Breach

DISTURBED_S: Final = 1.0
UNDISTURBING: Final = frozenset(
    ("op9_lost", "close_lost", "replay_killed", "replay_stopped", "coordinator_killed",
     "coordinator_stopped", "late_joiner", "subscriber_stopped", "subscriber_busy"),
)  # fmt: skip
"""Kinds that touch no connection, or end it by a word that comes after all that was sent."""
START: Final = Fault("started_together", {})
"""What every run begins with; the first identifies are put down to it."""


class Occurrence:
    """A fault that happened. Times are Unix seconds."""

    def __init__(self, number: int, fault: Fault) -> None:
        self.number = number
        self.fault = fault
        self.began = time.time()
        self.ended: float | None = None
        self.recovery_s = 0.0
        self.counts: Counter[str] = Counter()
        """events, lost, disorder, duplicate, other, said, due, spent, needed."""

    def __str__(self) -> str:
        return f"fault {self.number}, {self.fault}"


class FaultLog:
    """Every fault of a run, and every breach; ``failed`` is set at the first breach."""

    def __init__(self) -> None:
        self.occurrences = [Occurrence(0, START)]
        self.breaches: list[Breach] = []
        self.failed = asyncio.Event()

    @property
    def first_failure(self) -> Occurrence | None:
        """The fault that the first breach is put down to."""
        return self.under_way(self.breaches[0].moment) if self.breaches else None

    def begin(self, number: int, fault: Fault) -> Occurrence:
        """Note that a fault happens now."""
        occurrence = Occurrence(number, fault)
        self.occurrences.append(occurrence)
        return occurrence

    def breach(self, kind: str, who: str, text: str, moment: float = 0.0) -> None:
        """Note a breach. moment: Unix seconds of what it is about; 0: now."""
        breach = Breach(kind, who, moment or time.time(), text)
        self.breaches.append(breach)
        self.under_way(breach.moment).counts[kind] += 1
        self.failed.set()

    def under_way(self, moment: float, kinds: tuple[str, ...] = ()) -> Occurrence:
        """The fault under way at a moment: of these kinds if one was, else the newest."""
        begun = [o for o in self.occurrences if o.began <= moment]
        lasting = [o for o in begun if moment <= (o.ended or moment) + 1.0]
        candidates = lasting or begun or self.occurrences[:1]
        likely = [o for o in candidates if o.fault.kind in kinds]
        return max(likely or candidates, key=lambda o: o.began)

    def disturbed(self, moment: float) -> bool:
        """Whether a fault kept a session from hearing all that was sent to it at a moment."""
        return any(
            o.began <= moment + DISTURBED_S and (o.ended or moment) >= moment - DISTURBED_S
            for o in self.occurrences
            if o.fault.kind not in UNDISTURBING
        )
