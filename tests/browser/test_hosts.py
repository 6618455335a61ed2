"""Hosts on the page: only where there are any, and who is away or gone stands out."""

from __future__ import annotations

from typing import Any

import pytest

from cluster.wire.states import ClusterState, HostState, SessionState, WorkerState
from tests.browser.played import PlayedCluster, serving
from tests.browser.tab import DESK, PHONE, Surfer, Tab
from tests.coordinator.http.statuses import away, gone, host, shard, worker


def spread(**changed: Any) -> PlayedCluster:
    """Return a cluster on three hosts, of which one is away and one gone."""
    cluster = PlayedCluster(4, 2, **changed)
    cluster.workers = [
        worker(slot, host=f"host-{slot + 1}", shards=2, shards_ready=2) for slot in range(2)
    ]
    cluster.changed["hosts"] = [host("host-1"), away("host-2"), gone("host-3")]
    return cluster


async def conditions(tab: Tab) -> list[str]:
    """Return the class of each host's state."""
    found: list[str] = await tab.page.evaluate(
        "[...document.querySelector('#hosts').rows].map(row => row.cells[1].className)"
    )
    return found


def test_hosts(surfer: Surfer) -> None:
    async def scenario() -> None:
        cluster = spread()
        async with serving(cluster) as url, surfer.tab(url) as tab:
            await tab.shows(4)
            rows = [row.split("\t") for row in (await tab.text("#hosts")).splitlines()]
            assert rows == [
                ["host-1 (host-1.example)", "here", "2 of 2", "4 of 4", "8.0", "17 %", "41 %",
                 "90.0 GiB", "0 s ago"],
                ["host-2 (host-2.example)", "away, given up in 12 s", "2 of 2", "4 of 4", "8.0",
                 "–", "–", "–", "18 s ago"],
                ["host-3 (host-3.example)", "gone", "0 of 2", "0 of 0", "0", "–", "–", "–",
                 "3 min 10 s ago"],
            ]  # fmt: skip
            assert await conditions(tab) == ["condition good", "condition bad", "condition bad"]
            troubles = (await tab.text("#troubles")).splitlines()
            assert troubles[0].startswith(
                "host host-2 is away with 4 shards, not heard of for 18 s"
            )
            assert troubles[1].startswith("host host-3 is gone")
            assert await tab.text("#state-title") == "4 shards of 4 are on a host that is away"
            assert (await tab.text("#state-words")).startswith("It is given up in 12 s, unless")
            workers = (await tab.text("#workers")).splitlines()
            assert [row.split("\t")[1] for row in workers] == [
                "running on host-1", "running on host-2"
            ]  # fmt: skip
            await tab.page.hover("#shards .cell:nth-child(4)")
            assert "Shard 3: ready, on worker 1 of host-2" in await tab.text("#chosen")

            cluster.changed["hosts"] = [host("host-1"), host("host-2", state=HostState.DRAINING)]
            await tab.until_says("#hosts", "draining")
            assert await conditions(tab) == ["condition good", "condition way"]
            assert not await tab.page.is_visible("#troubles-part")

    surfer.run(scenario())


def test_a_cluster_without_hosts_shows_none(surfer: Surfer) -> None:
    async def scenario() -> None:
        cluster = PlayedCluster(2)
        async with serving(cluster) as url, surfer.tab(url) as tab:
            await tab.shows(2)
            assert not await tab.page.is_visible("#hosts-part")
            assert "running\t" in await tab.text("#workers")
            cluster.workers = [worker(0, host="host-1")]
            cluster.changed["hosts"] = [host("host-1", address="host-1")]
            await tab.until_says("#workers", "running on host-1")
            assert (await tab.text("#hosts")).startswith("host-1\there\t")

    surfer.run(scenario())


def test_a_start_says_for_what_it_waits(surfer: Surfer) -> None:
    async def scenario() -> None:
        cluster = PlayedCluster(2, state=ClusterState.STARTING)
        cluster.shards = [shard(n, state=SessionState.STARTING) for n in range(2)]
        why = "waits for hosts: 1 of 2 have joined"
        cluster.workers = [worker(0, state=WorkerState.STARTING, detail=why)]
        async with serving(cluster) as url, surfer.tab(url) as tab:
            await tab.until_says("#state-words", "The cluster waits for hosts: 1 of 2 have joined.")
            cluster.workers = [worker(0, state=WorkerState.STARTING)]
            await tab.until_says("#state-words", "2 starting.")

    surfer.run(scenario())


@pytest.mark.parametrize("size", [PHONE, (800, 900), (970, 900), DESK])
def test_nothing_is_cut_off(size: tuple[int, int], surfer: Surfer) -> None:
    async def scenario() -> None:
        cluster = spread()
        cluster.changed["hosts"] += [
            away("a-name-of-thirty-two-characters--", address="a" * 60, detail="it leaves")
        ]
        async with serving(cluster) as url, surfer.tab(url, size) as tab:
            await tab.shows(4)
            await tab.until_says("#hosts", "it leaves")
            assert await tab.page.evaluate("document.documentElement.scrollWidth") <= size[0]
            label = await tab.page.get_attribute("#hosts td:nth-child(8)", "data-label")
            assert label == "Disk free"

    surfer.run(scenario())
