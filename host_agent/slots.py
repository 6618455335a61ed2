"""What lives in the slots of a host, and what a report tells of it (pure).

A slot's StartWorker may be said again until a report names its number, and once more after that: a
number that was begun is not begun again.
"""

from __future__ import annotations

from typing import Final

from cluster.wire.hosts import ENDED_S, EndedWorker, HeldSlot

MOST_WORDS: Final = 4096
"""Characters of what a report tells of an end."""


class HostSlots:
    """The slots of one host. Times are monotonic seconds."""

    def __init__(self) -> None:
        self.held: dict[int, HeldSlot] = {}
        """Slot -> the process that lives there."""
        self.leaving = False
        """Nothing more is started."""
        self._launching: dict[int, int] = {}
        """Slot -> number of the start that is under way."""
        self._last: dict[int, EndedWorker] = {}
        """Slot -> what has become of the latest start there that has ended."""
        self._ended: list[tuple[float, EndedWorker]] = []
        """When something has ended, and what: the oldest first."""

    def begin(self, slot: int, number: int, now: float) -> bool:
        """Return whether to start a process now for the StartWorker of this number."""
        last = self._last.get(slot)
        held = self.held.get(slot)
        if number in (self._launching.get(slot), held.start if held else None):
            return False
        if last is not None and last.start == number:
            self._tell(last, now)
            return False
        if self.leaving:
            self.not_started(slot, number, "the host is leaving", now)
        elif held is not None:
            self.not_started(slot, number, f"pid {held.pid} lives in this slot", now)
        elif slot in self._launching:
            self.not_started(slot, number, "another process is being started in this slot", now)
        else:
            self._launching[slot] = number
            return True
        return False

    def started(self, slot: int, pid: int) -> None:
        """Take note that the process has come into being that was begun."""
        self.held[slot] = HeldSlot(slot=slot, pid=pid, start=self._launching.pop(slot))

    def found(self, slot: int, pid: int) -> None:
        """Take note of a process that lives in a slot from before."""
        self.held[slot] = HeldSlot(slot=slot, pid=pid)

    def not_started(self, slot: int, number: int, words: str, now: float) -> None:
        """Take note that no process came into being for the StartWorker of this number."""
        if self._launching.get(slot) == number:
            del self._launching[slot]
        self._tell(EndedWorker(slot=slot, pid=None, start=number, words=words[:MOST_WORDS]), now)

    def ended(self, slot: int, code: int | None, words: str, now: float) -> None:
        """Take note that the process of a slot has ended. code: as in EndedWorker."""
        held = self.held.pop(slot)
        self._tell(
            EndedWorker(
                slot=slot, pid=held.pid, start=held.start, code=code, words=words[:MOST_WORDS]
            ),
            now,
        )

    def is_free(self, slot: int) -> bool:
        """Whether no process lives in a slot, and none is being started."""
        return slot not in self.held and slot not in self._launching

    @property
    def is_empty(self) -> bool:
        """Whether no process lives on this host, and none is being started."""
        return not self.held and not self._launching

    def lately_ended(self, now: float) -> list[EndedWorker]:
        """Return what has ended within the last ENDED_S."""
        self._ended = [(at, one) for at, one in self._ended if now - at < ENDED_S]
        return [one for _, one in self._ended]

    def _tell(self, ended: EndedWorker, now: float) -> None:
        self._ended = [(at, one) for at, one in self._ended if not _is_same(one, ended)]
        self._ended.append((now, ended))
        last = self._last.get(ended.slot)
        if last is None or last.start <= ended.start:
            self._last[ended.slot] = ended


def _is_same(one: EndedWorker, other: EndedWorker) -> bool:
    return (one.slot, one.start, one.pid) == (other.slot, other.start, other.pid)
