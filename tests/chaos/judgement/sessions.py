"""What only the sandbox's log of sessions can tell: gaps without a reason, ends that came too soon.
Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from cluster.sandbox.sessions.session_log import CLOSED, OP_9
from tests.chaos.judgement.records import Breach


def ended_early(rows: Iterable[dict[str, Any]], ends: Mapping[str, int]) -> list[tuple[float, str]]:
    """Return when sessions ended of which too little came, and what came of each.

    The server ended them over a connection that stood, by a word of its own, which comes after all
    that it sent. rows: the session log's. ends: session id -> the last s that a witness has of it.
    """
    return [
        (
            row["ended_at"],
            f"s {row['seq']} was sent before its end, and {ends[row['session']]} came",
        )
        for row in rows
        if row["cause"] in (OP_9, CLOSED) and ends.get(row["session"], row["seq"]) < row["seq"]
    ]


def unexplained_gaps(
    covered: Iterable[tuple[str, int, float]], skipped: Mapping[str, set[int]], who: str
) -> list[Breach]:
    """Return a breach for each event that a gap covers although no replay left it out.

    covered: session id, s and Unix seconds of each event that gaps cover. skipped: session id ->
    what the sandbox left out of its replays. who: the witness.
    """
    return [
        Breach(
            "gap",
            who,
            moment,
            f"s {seq} of a session: said to be missing, and no replay skipped it",
        )
        for session, seq, moment in covered
        if seq not in skipped.get(session, ())
    ]
