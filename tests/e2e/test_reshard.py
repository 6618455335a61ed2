"""Another shard count under traffic: every event of the world once, or nothing has changed."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from cluster.control import ControlClient
from cluster.endpoints.paths import cluster_paths
from cluster.errors import BudgetError, ClusterError
from cluster.sandbox import SandboxControl, SandboxInfo
from cluster.subscriber import Event, Gap, Subscriber
from cluster.wire.position import WHOLE
from tests.e2e.home import Home, run_sandbox
from tests.e2e.watching import (
    WITHIN_S,
    Seen,
    connected,
    control_of,
    eventually,
    identified,
    row_of,
    sandbox_of,
    watching,
)

OVERLAP_S = 3.0
LAG_S = 4.0
"""More than the overlap, and two seconds less than two of them."""
Happened = Counter[tuple[str, str]]
"""(name, hash) of an event -> how often it happened."""


async def world(sandbox: SandboxControl, after: int) -> Happened:
    """Count what happened after row ``after`` of the world's ledger."""
    happened: Happened = Counter()
    while rows := await sandbox.ledger_world(after):
        happened.update((row["name"], row["hash"]) for row in rows)
        after = rows[-1]["n"]
    return happened


async def quiet(sandbox: SandboxControl) -> int:
    """Stop the world; return the last row of its ledger."""
    await sandbox.quiesce()
    return int((await sandbox.ledger_summary())["world"])


def delivered(items: list[Any]) -> Happened:
    events = [item for item in items if isinstance(item, Event)]
    return Counter(row_of(e.shard_id, e.seq, e.name, e.data)[2:4] for e in events)


def check(seen: list[Any], happened: Happened) -> None:
    """Each event was delivered once for each time that it happened, and there is no gap."""
    got = delivered(seen)
    assert {event: got[event] for event in happened} == dict(happened)
    assert [item for item in seen if isinstance(item, Gap)] == []


def start(home: Home, shards: int, **env: str) -> None:
    home.env |= env
    done = home.cli("start", "--detach", "--shards", str(shards), "--workers", "2")
    assert done.returncode == 0, done.stderr


async def settled(sandbox: SandboxControl, seen: Seen, after: int) -> Happened:
    """Stop the world and wait until all that happened has come; return it."""
    await sandbox.quiesce()
    happened = await world(sandbox, after)

    async def missing() -> int:
        return sum((happened - delivered(seen.items)).values())

    await eventually(missing, lambda count: count == 0)
    return happened


@asynccontextmanager
async def looking_on(
    home: Home, info: SandboxInfo
) -> AsyncIterator[tuple[SandboxControl, ControlClient, Seen]]:
    async with (
        sandbox_of(info) as sandbox,
        control_of(home) as control,
        watching(home) as seen,
    ):
        yield sandbox, control, seen


def test_reshard_up_and_down_under_traffic(home: Home, tmp_path: Path) -> None:
    """Each event comes live, to a subscriber that was away, and to one from the oldest on. At first
    the old sessions lag more than the overlap, then each by a time of its own, up to a third of
    it."""
    with run_sandbox(
        guilds=8, shards=2, max_concurrency=8, rate=0.0, identify_window_s=0.5
    ) as info:
        home.use(info)
        start(home, 2)

        async def main() -> None:
            async with looking_on(home, info) as (sandbox, control, seen):
                await eventually(control.status, lambda s: s.state == "ready")
                await connected(sandbox, 2)
                begun = await quiet(sandbox)
                await sandbox.fault(kind="lag", min_s=LAG_S, max_s=LAG_S, later=False)
                await sandbox.traffic(rate=200.0)
                await seen.more(200)
                saved = json.loads(json.dumps(seen.subscriber.position))
                before = delivered(seen.items)
                assert await control.reshard(4, OVERLAP_S) == "4 shards now, 2 before"
                await sandbox.fault(kind="lag", max_s=1.0)
                await seen.more(200)
                status = await control.status()
                assert (status.shard_count, status.shards_ready, status.state) == (4, 4, "ready")
                assert await control.reshard(3, OVERLAP_S) == "3 shards now, 4 before"
                await seen.more(200)
                happened = await settled(sandbox, seen, begun)
                check(seen.items, happened)
                assert await identified(sandbox) == 2 + 4 + 3
                state = await sandbox.state()
                assert sum(s["connected"] for s in state["sessions"]) == 3, "the old are logged out"
                for count, _, _, seq in seen.subscriber.position["shards"]:
                    assert (seq == WHOLE) == (count != 3)
                for begin, due in ((saved, happened - before), ("oldest", happened)):
                    check(await replayed(home, begin, due), due)
                # What it was resharded to holds for the next start
                await asyncio.to_thread(home.cli, "stop")
                await asyncio.to_thread(start, home, 2)
                async with control_of(home) as again:
                    status = await eventually(again.status, lambda s: s.state == "ready")
                assert status.shard_count == 3
                assert await identified(sandbox) == 2 + 4 + 3

        asyncio.run(main())
        home.cli("stop")
    assert home.leftovers() == []


async def replayed(home: Home, begin: Any, due: Happened) -> list[Any]:
    """Return what comes to a subscriber that begins there, until all that is due has come."""
    paths = cluster_paths("default", home.env)
    items: list[Any] = []
    try:
        async with (
            asyncio.timeout(WITHIN_S) as standing_still,
            Subscriber(
                paths.events, start=begin, replay=paths.replay, control=paths.control
            ) as subscriber,
        ):
            async for item in subscriber:
                items.append(item)
                standing_still.reschedule(asyncio.get_running_loop().time() + WITHIN_S)
                if len(items) >= due.total() and not due - delivered(items):
                    break
    except TimeoutError:
        missing = due - delivered(items)
        gaps = [item for item in items if isinstance(item, Gap)]
        raise AssertionError(
            f"{missing.total()} of {due.total()} did not come, {subscriber.position}, {gaps[:5]}"
        ) from None
    return items


def test_what_can_not_be_done_changes_nothing(home: Home) -> None:
    with run_sandbox(
        guilds=4,
        shards=2,
        max_concurrency=1,
        rate=0.0,
        identify_window_s=0.5,
        session_start_total=20,
        session_start_remaining=20,
    ) as info:
        home.use(info)
        start(home, 2)

        async def main() -> None:
            async with looking_on(home, info) as (sandbox, control, seen):
                before = await eventually(control.status, lambda s: s.state == "ready")
                begun = await quiet(sandbox)
                await sandbox.traffic(rate=100.0)
                with pytest.raises(BudgetError, match="50 identifies are needed and 18 of 20"):
                    await control.reshard(50, OVERLAP_S)
                assert await refused(control, sandbox) is not None
                await seen.more(100)
                after = await eventually(control.status, lambda s: s.state == "ready")
                assert [(w.slot, w.pid) for w in after.workers] == [
                    (w.slot, w.pid) for w in before.workers
                ]
                check(seen.items, await settled(sandbox, seen, begun))

        asyncio.run(main())
        home.cli("stop")
    assert home.leftovers() == []


@pytest.mark.parametrize("when", ["preparing", "overlap"])
def test_a_coordinator_that_dies_in_the_midst(home: Home, when: str) -> None:
    """The next one goes on with the count that was in force; the other one is logged out."""
    with run_sandbox(
        guilds=8, shards=2, max_concurrency=4, rate=0.0, identify_window_s=0.5
    ) as info:
        home.use(info)
        start(home, 2)

        async def main() -> None:
            async with looking_on(home, info) as (sandbox, control, seen):
                before = await eventually(control.status, lambda s: s.state == "ready")
                begun = await quiet(sandbox)
                await sandbox.traffic(rate=200.0)
                resharding = asyncio.create_task(control.reshard(4, OVERLAP_S))
                if when == "preparing":
                    await eventually(
                        control.status, lambda s: s.operation is not None and s.operation.done > 0
                    )
                else:
                    await eventually(control.status, lambda s: s.shard_count == 4)
                os.kill(before.pid, signal.SIGKILL)
                await asyncio.to_thread(start, home, 2)
                with pytest.raises(ClusterError, match=r"went away|not known"):
                    await resharding
                after = await eventually(control.status, lambda s: s.state == "ready")
                assert after.shard_count == (2 if when == "preparing" else 4)
                await eventually(
                    sandbox.state,
                    lambda s: sum(x["connected"] for x in s["sessions"]) == after.shard_count,
                )
                await seen.more(200)
                check(seen.items, await settled(sandbox, seen, begun))
                spent = await identified(sandbox)
                assert spent == 6 if when == "overlap" else spent <= 6

        asyncio.run(main())
        home.cli("stop")
    assert home.leftovers() == []


async def refused(control: ControlClient, sandbox: SandboxControl) -> ClusterError:
    """Reshard; a new shard is refused while the others are not ready yet. Return the error."""

    async def refuse() -> None:
        await eventually(control.status, lambda s: s.operation is not None and s.operation.done > 2)
        await sandbox.fault(kind="close", code=4013, shard=2)

    task = asyncio.create_task(refuse())
    with pytest.raises(ClusterError) as caught:
        await control.reshard(6, OVERLAP_S)
    await task
    return caught.value
