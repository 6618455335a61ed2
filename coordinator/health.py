"""What is wrong with the coordinator's own parts and children, in words for `status`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from cluster.descriptors import descriptor_limit
from coordinator.children.cache import CacheProcess
from coordinator.children.host_gate import HostGateProcess
from coordinator.children.http_server import HttpProcess
from coordinator.children.hub import HubProcess
from coordinator.children.proxy import ProxyProcesses
from coordinator.children.ray_placement import RayPlacementProcess
from coordinator.children.replay import ReplayProcess
from coordinator.children.sandbox import SandboxProcess
from coordinator.children.tcp_gate import TcpGateProcess
from coordinator.control.server import ControlServer
from coordinator.hub.hubs import Hubs
from coordinator.state.store import Store
from coordinator.workers.link import WorkerLink

LITTLE_ROOM: Final = 64 * 1024 * 1024
"""Bytes; with less left on a disk `status` says so."""


def free_bytes(folder: Path) -> int | None:
    """Return the bytes left for this user on a folder's file system; None: the system does not
    say."""
    try:
        stat = os.statvfs(folder)
    except OSError:
        return None
    return stat.f_bavail * stat.f_frsize


class Health(NamedTuple):
    """The parts that are looked at, and the folder of the logs that say more."""

    logs: Path
    store: Store
    link: WorkerLink
    control: ControlServer
    hubs: Hubs
    replay: ReplayProcess
    sandbox: SandboxProcess | None
    tcp_gate: TcpGateProcess | None
    http: HttpProcess | None
    host_gate: HostGateProcess | None = None
    hub_processes: tuple[HubProcess, ...] = ()
    ray: RayPlacementProcess | None = None
    cache: CacheProcess | None = None
    proxy: ProxyProcesses | None = None

    def troubles(self) -> list[str]:
        """Return a line for each trouble, with where to look."""
        return [
            *self._store(),
            *self._disk(),
            *self._children(),
            *self._journals(),
            *self._refused(),
            *self._full(),
        ]

    def _store(self) -> Iterator[str]:
        if why := self.store.trouble:
            yield f"the store {self.store.name} can't be reached, and nothing is granted: {why}"

    def _disk(self) -> Iterator[str]:
        free = free_bytes(self.logs)
        if free is not None and free < LITTLE_ROOM:
            yield (
                f"only {free / 2**20:.0f} MiB are left on the disk of {self.logs.parent}: journals "
                "that are not allocated yet, identifies and logs need room there"
            )

    def _children(self) -> Iterator[str]:
        if self.sandbox is not None and not self.sandbox.running:
            yield f"the sandbox has ended: see {self.logs / 'sandbox.log'}"
        children = (
            (self.replay, "replay.log"),
            (self.tcp_gate, "gate.log"),
            (self.http, "http.log"),
            (self.host_gate, "host-gate.log"),
            (self.ray, "ray.log"),
            (self.cache, "cache.log"),
            *((hub, hub.log.name) for hub in self.hub_processes),
        )
        for process, log in children:
            if process is not None and process.restarts:
                times = f"{process.restarts} time{'s' if process.restarts > 1 else ''}"
                yield f"the {process.name} was restarted {times}: see {self.logs / log}"
        for hub in self.hub_processes:
            if hub.process is None:
                yield f"the {hub.name} does not run: its workers' events wait in their journals"

        if self.proxy is not None:
            yield from self.proxy.troubles()
        if self.ray is not None and self.ray.process is None:
            yield f"Ray takes us in no more, and starts no agent anew: see {self.logs / 'ray.log'}"

    def _journals(self) -> Iterator[str]:
        for name in self.replay.unreadable():
            log = self.logs / "replay.log"
            yield f"the journal {name} is damaged, what only it holds is gone: see {log}"

    def _refused(self) -> Iterator[str]:
        if refused := self.link.refused + self.control.refused:
            what = f"{refused} message{'s' if refused > 1 else ''} that made no sense"
            yield f"{what} came to the coordinator: see {self.logs / 'coordinator.log'}"

    def _full(self) -> Iterator[str]:
        listeners = (self.link.listener, self.control.listener)
        names = self.hubs.full() + [one.name for one in listeners if one.full]
        if self.replay.full():
            names.append("replay")
        if full := ", ".join(names):
            yield (
                f"no more connections are let in to {full}: each process may have only "
                f"{descriptor_limit():,} files open: raise that (LimitNOFILE= in the unit, "
                "`ulimit -Hn`) and restart it with `stop --keep-workers` and `start`"
            )
