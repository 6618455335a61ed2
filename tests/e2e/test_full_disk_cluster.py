"""A whole cluster on a full disk, and one whose journals are damaged: said in `status`, delivered
on, and what is lost is a gap."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

from cluster.control import ControlClient
from cluster.endpoints.paths import ClusterPaths, cluster_paths
from cluster.journal.schema import DATA
from cluster.sandbox import SandboxControl
from cluster.subscriber import Event, Gap, Subscriber
from cluster.wire.status import ClusterStatus
from tests.e2e.home import Home, run_sandbox
from tests.e2e.watching import (
    WITHIN_S,
    all_dispatched,
    connected,
    control_of,
    eventually,
    identified,
    sandbox_of,
    watching,
)
from tests.fuzz.small_disk import Disk, small_disk

MIB = 1024 * 1024
SHARDS = 2


def start(home: Home, *flags: str) -> None:
    done = home.cli("start", "--detach", "--workers", "1", *flags)
    assert done.returncode == 0, done.stderr


def suspended(status: ClusterStatus) -> bool:
    return not status.workers[0].journalling


def test_a_disk_that_fills_and_is_emptied(home: Home, tmp_path: Path) -> None:
    """Journal and store run out of room at once.

    Who listens loses nothing; who was away has a gap for what no journal has; an identify is not
    granted without its row in the ledger, and is when there is room.
    """
    with (
        small_disk(tmp_path / "disk", 16 * MIB) as disk,
        run_sandbox(guilds=4, shards=SHARDS, max_concurrency=SHARDS, rate=200) as info,
    ):
        home.use(info)
        home.env |= {"DCGW_STATE_DIR": str(disk.folder / "state"), "DCGW_JOURNAL_BYTES": f"{MIB}"}
        home.state = disk.folder / "state"
        disk.fill(leaving=MIB)  # too little to allocate the journal
        start(home)

        async def main() -> None:
            paths = cluster_paths("default", home.env)
            async with (
                sandbox_of(info) as sandbox, control_of(home) as control, watching(home) as seen
            ):  # fmt: skip
                await connected(sandbox, SHARDS)
                await seen.until(100)
                away = seen.subscriber.position
                disk.fill()
                await eventually(control.status, suspended)
                shown = await asyncio.to_thread(home.cli, "status")
                assert "can't write its journal" in shown.stdout
                assert "suspended" in shown.stdout
                await seen.more(200)
                disk.empty()
                await eventually(control.status, lambda s: not suspended(s))
                await seen.more(100)
                expected = await all_dispatched(sandbox, seen)
                seen.check(expected)
                await check_who_was_away(paths, away, len(expected))
                await no_identify_without_its_row(sandbox, control, disk)

        asyncio.run(main())
        stopped = home.cli("stop")
        assert stopped.returncode == 0, stopped.stderr
    assert home.leftovers() == []


async def check_who_was_away(paths: ClusterPaths, away: dict[str, Any], total: int) -> None:
    """A subscriber that was away gets the rest, and gaps for what no journal has."""
    gaps: list[Gap] = []
    reached = {shard: seq for _, shard, _, seq in away["shards"]}
    async with (
        Subscriber(paths.events, start=away, replay=paths.replay) as late,
        asyncio.timeout(WITHIN_S),
    ):
        async for item in late:
            if isinstance(item, Event):
                assert item.seq == reached[item.shard_id] + 1
                reached[item.shard_id] = item.seq
            elif isinstance(item, Gap):
                gaps.append(item)
                assert item.first <= reached[item.shard_id] + 1
                assert item.last is not None
                reached[item.shard_id] = max(reached[item.shard_id], item.last)
            # Not by its position: that does not include the item at hand, which may be a gap.
            if sum(reached.values()) == total:
                break
    assert {gap.reason for gap in gaps} == {"gone"}
    missing = sum((gap.last or 0) - gap.first + 1 for gap in gaps)
    assert missing >= 100


async def no_identify_without_its_row(
    sandbox: SandboxControl, control: ControlClient, disk: Disk
) -> None:
    """An identify waits for its row in the ledger, which a full disk does not take."""
    spent = await identified(sandbox)
    disk.fill()
    await sandbox.fault(kind="op9", resumable=False)
    status = await eventually(control.status, lambda s: bool(s.budget.trouble))
    assert "ledger can't be written" in status.budget.trouble
    assert await identified(sandbox) == spent
    disk.empty()


def test_a_journal_that_is_cut_under_a_running_cluster(home: Home) -> None:
    """The worker dies of it once and begins anew, the replay server answers, and a subscriber is
    told what is gone."""
    with run_sandbox(guilds=4, shards=SHARDS, max_concurrency=SHARDS, rate=200) as info:
        home.use(info)
        home.env["DCGW_JOURNAL_BYTES"] = f"{MIB}"
        start(home)

        async def main() -> None:
            paths = cluster_paths("default", home.env)
            data = paths.journal(0) / DATA
            async with (
                sandbox_of(info) as sandbox, control_of(home) as control, watching(home) as seen
            ):  # fmt: skip
                await connected(sandbox, SHARDS)
                await seen.until(200)
                inode = data.stat().st_ino

                async def another() -> bool:
                    return data.exists() and data.stat().st_ino != inode

                os.truncate(data, 4 * 4096)
                await eventually(another, bool)
                await eventually(control.status, lambda s: s.state == "ready")
                await seen.more(200)
                assert (await control.status()).workers[0].restarts == 1
                log = (paths.logs / "worker-0.log").read_text()
                assert "is set aside: whoever had it open died of it" in log
                late = Subscriber(paths.events, start="oldest", replay=paths.replay)
                async with late, asyncio.timeout(WITHIN_S):
                    async for item in late:
                        if isinstance(item, Event):
                            break
                events = [item for item in seen.items if isinstance(item, Event)]
                assert len({event.position for event in events}) == len(events)

        asyncio.run(main())
        assert home.cli("stop").returncode == 0
    assert home.leftovers() == []
