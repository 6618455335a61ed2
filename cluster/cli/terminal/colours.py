"""Writes states in their colours. Pure."""

from __future__ import annotations

from typing import Final

from rich.text import Text

from cluster.wire.states import ClusterState, HostState, SessionState, WorkerState
from cluster.words import STATES

STYLES: Final[dict[str, str]] = {
    SessionState.READY: "green",
    WorkerState.RUNNING: "green",
    SessionState.FATAL: "bold red",
    WorkerState.FAILED: "bold red",
    WorkerState.MISSING: "red",
    ClusterState.DEGRADED: "yellow",
    WorkerState.RESTARTING: "yellow",
    HostState.HERE: "green",
    HostState.DRAINING: "yellow",
    HostState.AWAY: "red",
    HostState.GONE: "bold red",
    ClusterState.STOPPING: "yellow",
}


def state(name: str) -> Text:
    """Return a state in its colour."""
    return Text(STATES.get(name, name), style=STYLES.get(name, "cyan"))
