"""Which identifies had to be. Pure: from the sandbox's register of sessions."""

from __future__ import annotations

from collections.abc import Iterable, Set
from typing import Any, NamedTuple

from evidence import Key

from cluster.sandbox.register import LEFT, UNAVOIDABLE


class Identify(NamedTuple):
    """One that was admitted."""

    key: Key
    at: float
    due: bool
    why: str
    """What became of the session before."""


def judged(
    rows: Iterable[dict[str, Any]], seen: Set[str], logouts: Iterable[tuple[float, float]] = ()
) -> list[Identify]:
    """rows: the register's, in order. seen: sessions whose READY a witness has, so that it was
    journalled, and could have been resumed. logouts: from and to where sessions that their client
    left were to be left."""
    wanted = list(logouts)
    newest: dict[Key, dict[str, Any]] = {}
    found = []
    for row in rows:
        key = (row["shard_count"], row["shard"])
        before = newest.get(key)
        newest[key] = row
        if before is not None and before["cause"] == LEFT and _within(before["ended_at"], wanted):
            found.append(Identify(key, row["opened_at"], True, "logged out"))
            continue
        found.append(Identify(key, row["opened_at"], *_judged(before, row["opened_at"], seen)))
    return found


def _within(at: float, spans: Iterable[tuple[float, float]]) -> bool:
    return any(since <= at <= until for since, until in spans)


def _judged(before: dict[str, Any] | None, at: float, seen: Set[str]) -> tuple[bool, str]:
    if before is None:
        return True, "the first"
    if before["cause"] in UNAVOIDABLE and before["ended_at"] <= at:
        return True, before["cause"]
    if not before["acknowledged"] and before["session"] not in seen:
        return True, "READY never came"
    return False, before["cause"] or "it went on"
