"""Writes states as people read them. Pure."""

from __future__ import annotations

from typing import Final

from rich.text import Text

from cluster.wire.states import ClusterState, SessionState, WorkerState

WORDS: Final[dict[str, str]] = {
    SessionState.AWAITING_HELLO: "awaiting hello",
    SessionState.AWAITING_GRANT: "awaiting grant",
}
STYLES: Final[dict[str, str]] = {
    SessionState.READY: "green",
    WorkerState.RUNNING: "green",
    SessionState.FATAL: "bold red",
    WorkerState.FAILED: "bold red",
    WorkerState.MISSING: "red",
    ClusterState.DEGRADED: "yellow",
    WorkerState.RESTARTING: "yellow",
    ClusterState.STOPPING: "yellow",
}


def state(name: str) -> Text:
    """Return a state in its colour."""
    return Text(WORDS.get(name, name), style=STYLES.get(name, "cyan"))
