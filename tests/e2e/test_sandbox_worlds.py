"""`start --sandbox` twice: a new world has new journals, and what was missed is told as a gap."""

from __future__ import annotations

import asyncio
from typing import Any

from cluster.cli.leftovers import leftovers
from cluster.endpoints.paths import cluster_paths
from cluster.subscriber import Event, Gap, Subscriber
from tests.e2e.home import Home
from tests.progress import progress

START = ("start", "--sandbox", "--detach", "--shards", "2", "--workers", "1")


async def first_events(home: Home, start: str | dict[str, Any]) -> tuple[list[Gap], dict[str, Any]]:
    """Return what is missing before an event of each shard came, and the position after that."""
    paths = cluster_paths("sandbox", home.env)
    gaps: list[Gap] = []
    shards: set[int] = set()
    async with Subscriber(paths.events, start=start, replay=paths.replay) as subscriber:
        async for item in subscriber:
            progress()
            match item:
                case Gap():
                    gaps.append(item)
                case Event(shard_id=shard_id):
                    shards.add(shard_id)
            if shards == {0, 1}:
                break
        return gaps, subscriber.position


def test_each_start_has_a_world_of_its_own(home: Home) -> None:
    paths = cluster_paths("sandbox", home.env)
    said = home.cli(*START)
    assert said.returncode == 0, said.stderr
    assert "journals of the world before" not in said.stdout
    gaps, position = asyncio.run(first_events(home, "oldest"))
    assert not gaps
    assert "3 shards now" in home.cli("reshard", "3", "--overlap", "1").stdout
    assert "2 shards now" in home.cli("reshard", "2", "--overlap", "1").stdout
    assert home.cli("scale", "--workers", "2").returncode == 0
    assert home.cli("stop").returncode == 0

    said = home.cli(*START)
    assert "MiB of journals of the world before were removed\n" in said.stdout
    assert "2 workers since `scale` on " in said.stdout
    assert "; the configuration says 1\n" in said.stdout
    assert "since `reshard`" not in said.stdout, "it is what the configuration says again"
    gaps, _ = asyncio.run(first_events(home, position))
    assert {gap.shard_id for gap in gaps} == {0, 1}, "what the old journals held is told as missing"
    assert home.cli("stop").returncode == 0

    assert leftovers(paths).foreign == [], "every file that a cluster writes is known to `clean`"
    said = home.cli("clean", "--yes")
    assert said.returncode == 0, said.stderr
    assert not paths.state_dir.exists()
    assert not paths.runtime_dir.exists()
