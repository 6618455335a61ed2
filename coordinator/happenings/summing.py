"""When what happens is told: at once, or summed up where much of one kind comes (pure).

Of each kind and cause a few are told at once. What comes beyond that is held, and told together
10 s after the first of it was held, then after 20, 40 and 60 s for as long as more comes; where few
were held, each is told by itself. So a thousand shards that become ready in five minutes are some
ten sentences, and a shard that reconnects at night is told at once. Held or not, nothing is left
out of the count.
"""

from __future__ import annotations

from typing import Final, Generic, NamedTuple, TypeVar

AT_ONCE: Final = 5
"""So many of a group are told one by one before more are held."""
FIRST_S: Final = 10.0
LONGEST_S: Final = 60.0
"""How long what is held may wait: the first time, and at most."""
MOST_GROUPS: Final = 256
"""Groups that are told apart at a time. Causes are texts that servers may send, so they are
bounded; beyond that all of a kind are one group."""

Item = TypeVar("Item")


MOST_HELD: Final = 1_000
"""Items that a group keeps; those beyond are counted alone."""


class Held(NamedTuple, Generic[Item]):
    """What is told together."""

    items: list[Item]
    """The first of them, MOST_HELD at most."""
    total: int
    """How many there are."""
    more: bool
    """Whether others of the group were told one by one just before."""
    seconds: float
    """Within how many seconds they came."""


class _Group(Generic[Item]):
    """What came of one kind and cause lately."""

    __slots__ = ("began_at", "count", "items", "last_at", "singles", "summed", "wait_s")

    def __init__(self, now: float) -> None:
        self.singles = 0
        self.items: list[Item] = []
        self.count = 0
        """How many are held."""
        self.began_at = self.last_at = now
        """When the first of those that are held came, and when the last one did."""
        self.summed = False
        """Whether some were told together already."""
        self.wait_s = FIRST_S


class Summing(Generic[Item]):
    """Takes what happens, by group, and gives it back when it is to be told. Times are seconds of
    the caller's monotonic clock."""

    def __init__(self) -> None:
        self._groups: dict[tuple[str, str], _Group[Item]] = {}

    def take(self, kind: str, cause: str, item: Item, now: float) -> bool:
        """Take one. Return whether it is told at once; else it is held."""
        group = self._group(kind, cause, now)
        group.last_at = now
        if group.singles < AT_ONCE:
            group.singles += 1
            return True
        if not group.count:
            group.began_at = now
        group.count += 1
        if len(group.items) < MOST_HELD:
            group.items.append(item)
        return False

    def _group(self, kind: str, cause: str, now: float) -> _Group[Item]:
        key = (kind, cause)
        if key not in self._groups and len(self._groups) >= MOST_GROUPS:
            key = (kind, "")
        if key not in self._groups:
            self._groups[key] = _Group(now)
        return self._groups[key]

    def due(self, now: float, *, everything: bool = False) -> list[Held[Item]]:
        """Return what was held and is to be told now, the oldest first. everything: all that is
        held, since the end is near."""
        told: list[tuple[float, Held[Item]]] = []
        for key, group in list(self._groups.items()):
            if group.count:
                if everything or now - group.began_at >= group.wait_s:
                    told += [(group.began_at, held) for held in _emptied(group)]
            elif now - group.last_at >= LONGEST_S:
                del self._groups[key]
        return [held for _, held in sorted(told, key=lambda one: one[0])]


def _emptied(group: _Group[Item]) -> list[Held[Item]]:
    """Return what a group holds as it is told, and let it hold nothing."""
    items, count = group.items, group.count
    group.items, group.count = [], 0
    group.wait_s = min(2 * group.wait_s, LONGEST_S)
    if count <= AT_ONCE:
        return [Held([item], 1, False, 0.0) for item in items]
    more, group.summed = not group.summed, True
    return [Held(items, count, more, max(1.0, group.last_at - group.began_at))]
