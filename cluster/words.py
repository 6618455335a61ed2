"""States, numbers, spans of time and lists of numbers as people read them. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from cluster.wire.states import ClusterState, HostState, SessionState, WorkerState

STATES: Final[dict[str, str]] = {
    name: name.replace("_", " ")
    for kind in (SessionState, WorkerState, HostState, ClusterState)
    for name in kind
}
"""States as the terminal and the page say them. The page has a copy, in
coordinator/http/page/words.js, which a test holds against this one."""
MEANINGS: Final[dict[str, str]] = {
    SessionState.WAITING: "to connect",
    SessionState.AWAITING_GRANT: "a turn to identify",
    SessionState.FATAL: "refused by Discord",
    SessionState.DOWN: "without its worker",
    HostState.DRAINING: "its shards move to other hosts",
    HostState.AWAY: "not heard of",
    HostState.GONE: "its shards are elsewhere",
}
"""What a state means whose name does not say it."""
SLOW_HEARTBEAT_MS: Final = 1000.0
"""A heartbeat is slow whose round trip took so long, or longer."""


def explained(state: str) -> str:
    """Return a state with what it means, where its name does not say it: "fatal (refused by
    Discord)"."""
    meaning = MEANINGS.get(state)
    return f"{STATES[state]} ({meaning})" if meaning else STATES[state]


def span(seconds: float | None) -> str:
    """Return a time span in at most two units: 4.2 s, 3 min 5 s, 2 h 10 min; "-" for None."""
    if seconds is None:
        return "-"
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    for size, unit, small, name in ((86400, "d", 3600, "h"), (3600, "h", 60, "min")):
        if whole >= size:
            return f"{whole // size} {unit} {whole % size // small} {name}"
    return f"{whole // 60} min {whole % 60} s" if whole >= 60 else f"{whole} s"


def size(count: int) -> str:
    """Return a number of bytes as KiB, MiB or GiB."""
    for unit, factor in (("GiB", 1 << 30), ("MiB", 1 << 20)):
        if count >= factor:
            return f"{count / factor:.1f} {unit}"
    return f"{count / 1024:.0f} KiB"


def rate(events_per_s: float) -> str:
    """Return events a second, with a decimal where that says something."""
    return f"{events_per_s:,.1f}" if 0 < events_per_s < 10 else f"{events_per_s:,.0f}"


def ranges(ids: Sequence[int], most: int = 8) -> str:
    """Return ascending numbers in short: "0-3, 7, 9-12 and 4 others"."""
    parts: list[tuple[int, int]] = []
    for one in ids:
        if parts and one == parts[-1][1] + 1:
            parts[-1] = (parts[-1][0], one)
        else:
            parts.append((one, one))
    text = ", ".join(f"{a}-{b}" if b > a else f"{a}" for a, b in parts[:most])
    if rest := sum(b - a + 1 for a, b in parts[most:]):
        text += f" and {rest:,} other{'' if rest == 1 else 's'}"
    return text


def ms(value: float | None) -> str:
    """Return milliseconds, which were measured in whole ones; "-" for None."""
    if value is None:
        return "-"
    return f"{value:,.0f} ms" if value >= 1 else "<1 ms"


def count(number: int, what: str) -> str:
    """Return a number and what it counts: 1 gap, 2 gaps."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def roughly(seconds: float) -> str:
    """Return a time span in its largest unit: 42 s, 3 min, 2 h, 5 d."""
    return " ".join(span(seconds).split()[:2])


def named(ids: Sequence[int], most: int = 8, *, what: str = "shard") -> str:
    """Return ids in short with what they are of: shard 3, shards 0-2, 7."""
    return f"{what}{'' if len(ids) == 1 else 's'} {ranges(ids, most)}"
