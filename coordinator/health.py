"""What is wrong with the coordinator's own parts and children, in words for `status`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from coordinator.children.replay import ReplayProcess
from coordinator.children.sandbox import SandboxProcess
from coordinator.children.tcp_gate import TcpGateProcess
from coordinator.control.server import ControlServer
from coordinator.workers.link import WorkerLink

LITTLE_ROOM: Final = 64 * 1024 * 1024


def free_bytes(folder: Path) -> int | None:
    """Room for this user on a folder's file system; None: it can't be told."""
    try:
        told = os.statvfs(folder)
    except OSError:
        return None
    return told.f_bavail * told.f_frsize


def troubles(
    logs: Path,
    sandbox: SandboxProcess | None,
    replay: ReplayProcess,
    gate: TcpGateProcess | None,
    link: WorkerLink,
    control: ControlServer,
) -> list[str]:
    """A line each, with where to look."""
    found = []
    free = free_bytes(logs)
    if free is not None and free < LITTLE_ROOM:
        found.append(
            f"only {free / 2**20:.0f} MiB are left on the disk of {logs.parent}: journals that are "
            "not allocated yet, identifies and logs need room there"
        )
    if sandbox is not None and not sandbox.running:
        found.append(f"the sandbox has ended: see {logs / 'sandbox.log'}")
    for name, process, file in (
        ("replay server", replay, "replay.log"),
        ("TCP gate", gate, "gate.log"),
    ):
        if process is not None and process.restarts:
            times = f"{process.restarts} time{'s' if process.restarts > 1 else ''}"
            found.append(f"the {name} was restarted {times}: see {logs / file}")
    found += [
        f"the journal {name} is damaged, what only it holds is gone: see {logs / 'replay.log'}"
        for name in replay.unreadable()
    ]
    if refused := link.refused + control.refused:
        what = f"{refused} message{'s' if refused > 1 else ''} that made no sense"
        found.append(f"{what} came to the coordinator: see {logs / 'coordinator.log'}")
    return found
