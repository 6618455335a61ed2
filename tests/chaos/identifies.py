"""Which identifies had to be. Pure: from the sandbox's register of sessions."""

from __future__ import annotations

from collections.abc import Iterable, Set
from typing import Any, NamedTuple

from cluster.sandbox.sessions.session_log import UNAVOIDABLE
from tests.chaos.evidence import Key


class Identify(NamedTuple):
    """One that was admitted."""

    key: Key
    at: float
    due: bool
    why: str
    """What became of the session before."""


def judged(
    rows: Iterable[dict[str, Any]], seen: Set[str], logouts: Iterable[tuple[int, float]] = ()
) -> list[Identify]:
    """rows: the register's, in order. seen: sessions whose READY a witness has, so that it was
    journalled, and could have been resumed. logouts: shard counts that were in force no more, and
    since when (Unix time): their sessions were logged out, or forgotten where there was no
    connection to say it on."""
    out = list(logouts)
    newest: dict[Key, dict[str, Any]] = {}
    found = []
    for row in rows:
        key = (row["shard_count"], row["shard"])
        before = newest.get(key)
        newest[key] = row
        since = before["opened_at"] if before is not None else row["opened_at"]
        if any(count == key[0] and since < at <= row["opened_at"] for count, at in out):
            found.append(Identify(key, row["opened_at"], True, "logged out"))
            continue
        found.append(Identify(key, row["opened_at"], *_judged(before, row["opened_at"], seen)))
    return found


def _judged(before: dict[str, Any] | None, at: float, seen: Set[str]) -> tuple[bool, str]:
    if before is None:
        return True, "the first"
    if before["cause"] in UNAVOIDABLE and before["ended_at"] <= at:
        return True, before["cause"]
    if not before["acknowledged"] and before["session"] not in seen:
        return True, "READY never came"
    return False, before["cause"] or "it went on"
