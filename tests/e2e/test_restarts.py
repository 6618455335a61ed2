"""Processes that die under traffic: sessions go on, nothing is lost, no identify is spent."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable

from cluster.control import ControlClient
from cluster.endpoints.paths import cluster_paths, is_held
from cluster.sandbox import SandboxControl
from tests.e2e.home import Home, run_sandbox
from tests.e2e.watching import (
    Seen,
    all_dispatched,
    connected,
    control_of,
    eventually,
    identified,
    sandbox_of,
    watching,
)

SHARDS = 4
RATE = 300.0


def start(home: Home) -> None:
    done = home.cli("start", "--detach", "--workers", "2")
    assert done.returncode == 0, done.stderr


def stop(home: Home) -> None:
    done = home.cli("stop")
    assert done.returncode == 0, done.stderr


async def happened(sandbox: SandboxControl, count: int) -> None:
    """Wait until ``count`` more events happened in the world."""
    before = (await sandbox.state())["events"]["happened"]
    await eventually(sandbox.state, lambda s: s["events"]["happened"] >= before + count)


def under_traffic(
    home: Home,
    deaths: Callable[[SandboxControl, ControlClient, Seen], Awaitable[None]],
    afterwards: Callable[[SandboxControl], Awaitable[None]] | None = None,
) -> None:
    """Run a cluster through deaths of its processes, and compare every event at the end.
    afterwards: what is done and looked at then."""
    with run_sandbox(guilds=8, shards=SHARDS, max_concurrency=SHARDS, rate=RATE) as info:
        home.use(info)
        start(home)

        async def main() -> None:
            async with (
                sandbox_of(info) as sandbox,
                control_of(home) as control,
                watching(home) as seen,
            ):
                await connected(sandbox, SHARDS)
                await seen.until(500)
                await deaths(sandbox, control, seen)
                await seen.more(300)
                expected = await all_dispatched(sandbox, seen)
                seen.check(expected)
                assert await identified(sandbox) == SHARDS
                if afterwards is not None:
                    await afterwards(sandbox)

        asyncio.run(main())
        stop(home)
    assert home.leftovers() == []


def test_a_killed_coordinator(home: Home) -> None:
    """The workers go on without a coordinator; the next one adopts them, the processes stay. That
    holds while the API refuses: the gateway is no part of it. Who lost its session then waits."""

    async def deaths(sandbox: SandboxControl, control: ControlClient, seen: Seen) -> None:
        before = await eventually(control.status, lambda s: s.state == "ready")
        for refuses in (False, True):
            if refuses:
                await sandbox.fault(kind="rest_429", count=1_000_000, retry_after=1.0)
            async with control_of(home) as now:
                os.kill((await now.status()).pid, signal.SIGKILL)
            await happened(sandbox, 200)  # without a hub: the next one must bring it
            await asyncio.to_thread(start, home)
            async with control_of(home) as anew:
                after = await eventually(anew.status, lambda s: s.state == "ready")
            assert after.pid != before.pid
            assert [w.pid for w in after.workers] == [w.pid for w in before.workers]
            assert after.budget.known is not refuses
        assert "is rate limited" in after.budget.trouble
        assert (await sandbox.state())["counters"].get("resumed", 0) == 0

    async def identify(sandbox: SandboxControl) -> None:
        async with control_of(home) as control:
            await sandbox.fault(kind="op9", resumable=False, shard=0)
            held = await eventually(control.status, lambda s: s.budget.waiting == [0])
            assert held.budget.asked_again_s is not None
            assert await identified(sandbox) == SHARDS
            await sandbox.clear_faults()
            well = await eventually(
                control.status, lambda s: s.state == "ready" and not s.budget.waiting
            )
            assert (well.budget.known, well.budget.trouble) == (True, "")
            assert well.budget.max_concurrency == SHARDS
            assert await identified(sandbox) == SHARDS + 1

    under_traffic(home, deaths, identify)
    log = home.state / "default" / "logs" / "coordinator.log"
    assert "Discord's API answers again" in log.read_text()


def test_a_killed_worker_and_a_frozen_one(home: Home) -> None:
    """A killed worker is seen at once; a frozen one is killed after 15 s without a report."""

    async def deaths(sandbox: SandboxControl, control: ControlClient, seen: Seen) -> None:
        before = await eventually(control.status, lambda s: s.state == "ready")
        killed, frozen = (worker.pid for worker in before.workers)
        assert killed is not None
        assert frozen is not None
        os.kill(frozen, signal.SIGSTOP)
        os.kill(killed, signal.SIGKILL)
        await eventually(control.status, lambda s: s.workers[1].state == "missing")
        after = await eventually(
            control.status,
            lambda s: s.state == "ready" and all(w.restarts == 1 for w in s.workers),
        )
        assert {worker.pid for worker in after.workers}.isdisjoint({killed, frozen})
        told = [
            (one.kind, one.worker, one.shard) for one in (await control.happenings()).happenings
        ]
        for kind, worker in (("worker_died", 0), ("worker_died", 1), ("worker_missing", 1)):
            assert (kind, worker, None) in told
        for shard in range(SHARDS):
            assert ("shard_resumed", shard // 2, shard) in told
        assert (await sandbox.state())["counters"]["resumed"] == SHARDS

    under_traffic(home, deaths)


def test_a_worker_that_hangs_while_its_coordinator_dies(home: Home) -> None:
    """The worker does not greet the next coordinator, which kills it: its lock says who it is."""

    async def deaths(sandbox: SandboxControl, control: ControlClient, seen: Seen) -> None:
        before = await eventually(control.status, lambda s: s.state == "ready")
        frozen, other = (worker.pid for worker in before.workers)
        assert frozen is not None
        os.kill(frozen, signal.SIGSTOP)
        os.kill(before.pid, signal.SIGKILL)
        await asyncio.to_thread(start, home)
        async with control_of(home) as anew:
            after = await eventually(anew.status, lambda s: s.state == "ready")
        assert after.workers[0].pid != frozen
        assert after.workers[1].pid == other
        assert (await sandbox.state())["counters"]["resumed"] == SHARDS // 2

    under_traffic(home, deaths)


def test_workers_that_nobody_adopts(home: Home) -> None:
    """The workers close their sessions resumable and end; a later start resumes them all."""
    home.env["DCGW_ADOPT_SECONDS"] = "2"

    async def deaths(sandbox: SandboxControl, control: ControlClient, seen: Seen) -> None:
        before = await eventually(control.status, lambda s: s.state == "ready")
        os.kill(before.pid, signal.SIGKILL)
        paths = cluster_paths("default", home.env)
        locks = [paths.journal(slot) / "owner.lock" for slot in range(2)]

        async def held() -> bool:
            return any(is_held(lock) for lock in locks)

        await eventually(held, lambda is_so: not is_so)
        state = await sandbox.state()
        assert not any(session["connected"] for session in state["sessions"])
        assert len(state["sessions"]) == SHARDS
        assert not {"1000", "1001"} & state["closes"].keys()
        await asyncio.to_thread(start, home)
        async with control_of(home) as anew:
            await eventually(anew.status, lambda s: s.state == "ready")
        assert (await sandbox.state())["counters"]["resumed"] == SHARDS

    under_traffic(home, deaths)


def test_stop_and_start_twice(home: Home) -> None:
    """A stop leaves sessions that the next start resumes; what happened meanwhile comes too."""

    async def deaths(sandbox: SandboxControl, control: ControlClient, seen: Seen) -> None:
        for n in (1, 2):
            async with control_of(home) as now:
                await eventually(now.status, lambda s: s.state == "ready")
            await asyncio.to_thread(stop, home)
            await happened(sandbox, 100)
            await asyncio.to_thread(start, home)
            async with control_of(home) as anew:
                await eventually(anew.status, lambda s: s.state == "ready")
            assert (await sandbox.state())["counters"]["resumed"] == n * SHARDS

    under_traffic(home, deaths)
