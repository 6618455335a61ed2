"""Which identifies had to be, by the sandbox's log of sessions. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Set
from typing import Any, NamedTuple

from cluster.sandbox.sessions.session_log import UNAVOIDABLE
from tests.chaos.judgement.records import Key


class Identify(NamedTuple):
    """An identify that was admitted."""

    key: Key
    moment: float
    due: bool
    """Whether it had to be."""
    why: str
    """What became of the session before."""


def judge_identifies(
    rows: Iterable[dict[str, Any]],
    witnessed: Set[str],
    logouts: Iterable[tuple[int, float]] = (),
) -> list[Identify]:
    """Judge every identify of the session log, in its order.

    rows: the session log's. witnessed: sessions whose READY a witness has, so that it was
    journalled, and could have been resumed. logouts: shard counts that are not in force any more,
    and since when (Unix seconds): their sessions were logged out, or forgotten where there was no
    connection to say it on.
    """
    over = list(logouts)
    newest: dict[Key, dict[str, Any]] = {}
    judged = []
    for row in rows:
        key = (row["shard_count"], row["shard"])
        before = newest.get(key)
        newest[key] = row
        opened_at = row["opened_at"]
        since = before["opened_at"] if before is not None else opened_at
        if any(count == key[0] and since < ended_at <= opened_at for count, ended_at in over):
            judged.append(Identify(key, opened_at, True, "logged out"))
            continue
        judged.append(Identify(key, opened_at, *_due(before, opened_at, witnessed)))
    return judged


def _due(before: dict[str, Any] | None, opened_at: float, witnessed: Set[str]) -> tuple[bool, str]:
    """Whether an identify had to be, and what became of the session before it."""
    if before is None:
        return True, "the first"
    if before["cause"] in UNAVOIDABLE and before["ended_at"] <= opened_at:
        return True, before["cause"]
    if not before["acknowledged"] and before["session"] not in witnessed:
        return True, "READY never came"
    return False, before["cause"] or "it went on"
