"""What a coordinator stands on before any part of it runs: its folders, its account at Discord, and
which worker is to have which shards."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final, NamedTuple, Self

from cluster.config.coordinator_spec import CoordinatorSpec
from cluster.sandbox.options import SandboxInfo
from coordinator import host
from coordinator.account import ApiAccount
from coordinator.children.sandbox import SandboxProcess
from coordinator.children.sandbox_env import write_sandbox_env
from coordinator.context import RunContext
from coordinator.gateway_api import GatewayApi
from coordinator.lifetime import Lifetime
from coordinator.sharding.assignments import Assignments
from coordinator.sharding.plan import held_changes, plan_for, plan_for_hosts
from coordinator.state import folders
from coordinator.state.plan_keeper import PlanKeeper
from coordinator.state.sandbox_journals import begin_world
from coordinator.state.store import Store

SANDBOX_SHARE: Final = 0.2
"""Share of the time that a stop may take; the sandbox is stopped after the other children."""

Note = Callable[[Iterable[str]], None]
"""Takes lines that whoever started the coordinator should read."""


async def take_folders(
    spec: CoordinatorSpec, lifetime: Lifetime, on_locked: Callable[[Path], None] | None, *,
    keep_lock: bool,
) -> None:  # fmt: skip
    """Make the folders and lock them: nobody else's sockets and files are taken over. on_locked:
    called with the folder of the logs then. keep_lock: until the process is gone. ConfigError: the
    spec can't be used. AlreadyRunningError: another process has them."""
    spec.check()
    folders.make(spec.paths)
    lock = await folders.lock(spec.paths)
    if not keep_lock:
        lifetime.parts.callback(os.close, lock)
    lifetime.parts.callback(folders.clear, spec.paths)
    if on_locked is not None:
        on_locked(spec.paths.logs)


class Ground(NamedTuple):
    """What all parts stand on."""

    context: RunContext
    sandbox: SandboxProcess | None
    """The one that was started for this cluster; None: it is on Discord, or another's."""
    assignments: Assignments
    plan_keeper: PlanKeeper

    @classmethod
    async def prepare(
        cls, spec: CoordinatorSpec, store: Store, lifetime: Lifetime, note: Note, started_at: float
    ) -> Self:
        """Start the sandbox if there is one, ask the API, and plan. started_at: Unix seconds of
        this coordinator's start."""
        paths = spec.paths
        sandbox = None
        if spec.on_sandbox:
            sandbox = await SandboxProcess.start(
                spec.sandbox, paths.logs, log_format=spec.log_format
            )
            lifetime.parts.push_async_callback(sandbox.close, spec.stop_seconds * SANDBOX_SHARE)
            if spec.proxy.listen:
                note([_for_bots(paths.sandbox_env, sandbox.info)])
                lifetime.parts.callback(paths.sandbox_env.unlink, missing_ok=True)
        if freed := begin_world(paths, store, sandbox=spec.on_sandbox):
            note([f"{freed / 2**20:,.0f} MiB of journals of the world before were removed"])
        info = sandbox.info if sandbox else None
        api = GatewayApi(ApiAccount.from_spec(spec, info, started_at), store)
        answer = await api.ask_at_start(spec)
        if answer.refusal is not None:
            note([f"{answer.refusal}; it is asked again, and sessions go on without it"])
        context = RunContext(spec, api, answer, time.monotonic)
        assignments = assign(context, note)
        return cls(context, sandbox, assignments, PlanKeeper(store, spec, assignments))


def _for_bots(file: Path, info: SandboxInfo) -> str:
    """Write the environment of a bot on the sandbox, and return what is said of it."""
    try:
        write_sandbox_env(file, info)
    except OSError as error:
        return f"{file}, for bots on this sandbox, can't be written ({error.strerror})"
    return f"For a bot on this sandbox, in its shell:  . {file}"


def assign(context: RunContext, note: Note) -> Assignments:
    """Return which worker is to have which shards. Where they run on other hosts it is so until
    these are there (coordinator.hosts.first_plan), which say how many workers they would run."""
    spec, stored, recommended = context.spec, context.store.plan(), context.gateway.shards
    counts = stored.counts if stored else {}
    if spec.engine != "local":
        plan = plan_for_hosts(spec, recommended, 1, stored)
        assignments = Assignments(plan, counts, stored.where if stored else {})
        assignments.draining = set(stored.draining) if stored else set()
        return assignments
    cores = host.cores()
    plan = plan_for(spec, recommended, cores, stored)
    note(held_changes(plan, spec, recommended, cores, stored))
    return Assignments(plan, counts)
