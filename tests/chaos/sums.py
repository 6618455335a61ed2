"""What only the register of all sessions can tell: gaps without a reason, ends that came too soon.
Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from cluster.sandbox.sessions.session_log import CLOSED, OP_9
from tests.chaos.evidence import Breach


def cut_short(rows: Iterable[dict[str, Any]], ends: Mapping[str, int]) -> list[tuple[float, str]]:
    """Sessions that the server ended over a connection that stood, by its own word, which comes
    after all that it sent: when, and what is said to have come less. rows: the register's."""
    return [
        (
            row["ended_at"],
            f"s {row['seq']} was sent before its end, and {ends[row['session']]} came",
        )
        for row in rows
        if row["cause"] in (OP_9, CLOSED) and ends.get(row["session"], row["seq"]) < row["seq"]
    ]


def unexplained(
    said: Iterable[tuple[str, int, float]], skipped: Mapping[str, set[int]], who: str
) -> list[Breach]:
    """Events that gaps cover although the sandbox never left them out of a replay."""
    return [
        Breach(
            "gap", who, at, f"s {seq} of a session: said to be missing, and no replay skipped it"
        )
        for session, seq, at in said
        if seq not in skipped.get(session, ())
    ]
