"""Restarts, and another number of workers, under traffic: nothing lost, no identify spent."""

from __future__ import annotations

import asyncio
import os
import signal

import pytest

from cluster.control import ControlClient
from cluster.errors import ClusterError
from cluster.sandbox import SandboxControl
from cluster.wire.status import ClusterStatus
from tests.e2e.home import Home
from tests.e2e.test_restarts import SHARDS, happened, under_traffic
from tests.e2e.watching import Seen, eventually


def pids(status: ClusterStatus) -> dict[int, int | None]:
    """Return worker slot -> pid."""
    return {worker.slot: worker.pid for worker in status.workers}


def test_restarts_on_request(home: Home) -> None:
    async def deaths(sandbox: SandboxControl, control: ControlClient, seen: Seen) -> None:
        before = await eventually(control.status, lambda s: s.state == "ready")
        rolled = asyncio.create_task(control.restart_rolling())
        await eventually(control.status, lambda s: s.operation is not None)
        with pytest.raises(ClusterError, match="a rolling restart is under way"):
            await control.restart_worker(0)
        assert await rolled == "2 workers restarted"
        after = await control.status()
        assert set(pids(before).values()).isdisjoint(pids(after).values())
        assert [worker.restarts for worker in after.workers] == [0, 0], "no failure is counted"
        await control.restart_shard(3)
        await control.restart_worker(1)
        assert pids(await control.status())[0] == pids(after)[0], "the other one was not touched"
        assert (await sandbox.state())["counters"]["resumed"] == SHARDS + 1 + SHARDS // 2

    under_traffic(home, deaths)


def test_shards_move_between_workers_and_an_old_owner_does_not_take_them_back(home: Home) -> None:
    async def deaths(sandbox: SandboxControl, control: ControlClient, seen: Seen) -> None:
        before = await eventually(control.status, lambda s: s.state == "ready")
        await control.scale(4)
        after = await control.status()
        assert [worker.shards for worker in after.workers] == [1, 1, 1, 1]
        assert after.shards_ready == SHARDS
        old = pids(before)[0]
        assert old is not None
        os.kill(old, signal.SIGKILL)  # what it had is elsewhere, and stays there
        await seen.more(300)
        again = await eventually(control.status, lambda s: s.state == "ready" and pids(s)[0] != old)
        assert {s.shard_id: s.worker for s in again.shards} == {
            s.shard_id: s.worker for s in after.shards
        }
        await control.scale(1)
        status = await control.status()
        assert [worker.shards for worker in status.workers] == [SHARDS]

    under_traffic(home, deaths)


def test_the_next_start_goes_on_with_what_was_scaled(home: Home) -> None:
    """The coordinator was killed: the next one finds the workers of the plan."""

    async def deaths(sandbox: SandboxControl, control: ControlClient, seen: Seen) -> None:
        await eventually(control.status, lambda s: s.state == "ready")
        await control.scale(3)
        before = await control.status()
        os.kill(before.pid, signal.SIGKILL)
        await asyncio.to_thread(_start, home)
        after = await eventually(control.status, lambda s: s.state == "ready")
        assert pids(after) == pids(before)

    under_traffic(home, deaths)


def _start(home: Home) -> None:
    done = home.cli("start", "--detach", "--workers", "2")
    assert done.returncode == 0, done.stderr


def test_a_coordinator_is_replaced_while_its_workers_go_on(home: Home) -> None:
    async def deaths(sandbox: SandboxControl, control: ControlClient, seen: Seen) -> None:
        before = await eventually(control.status, lambda s: s.state == "ready")
        stopped = await asyncio.to_thread(home.cli, "stop", "--keep-workers")
        assert "its workers go on with 4 sessions" in stopped.stdout, stopped.stderr
        await happened(sandbox, 100)
        await asyncio.to_thread(_start, home)
        after = await eventually(control.status, lambda s: s.state == "ready")
        assert after.pid != before.pid
        assert pids(after) == pids(before)
        assert (await sandbox.state())["counters"].get("resumed", 0) == 0

    under_traffic(home, deaths)
