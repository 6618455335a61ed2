"""What the page costs: with thousands of shards, and when it is left open."""

from __future__ import annotations

import contextlib
import statistics
from collections.abc import AsyncIterator

from playwright.async_api import CDPSession

from cluster.wire.states import ClusterState, SessionState
from tests.browser.played import PlayedCluster, serving
from tests.browser.tab import Surfer, Tab
from tests.coordinator.http.statuses import shard

SHARDS = 4096
MOST_S = 0.1
"""An update, in seconds of the page's thread."""
DRAWN = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"


@contextlib.asynccontextmanager
async def debugger(tab: Tab) -> AsyncIterator[CDPSession]:
    """Ask Chromium about a page while the block runs."""
    session = await tab.page.context.new_cdp_session(tab.page)
    await session.send("Performance.enable", {"timeDomain": "threadTicks"})
    yield session
    await session.detach()


async def metric(session: CDPSession, name: str) -> float:
    """Return a number of Chromium's Performance domain."""
    found = await session.send("Performance.getMetrics")
    values: dict[str, float] = {one["name"]: one["value"] for one in found["metrics"]}
    return values[name]


def test_an_update_of_4096_shards_is_drawn_in_time(surfer: Surfer) -> None:
    async def scenario() -> None:
        cluster = PlayedCluster(SHARDS, 8, state=ClusterState.STARTING)
        took: dict[str, list[float]] = {"numbers": [], "states": []}
        async with serving(cluster) as url, surfer.tab(url) as tab:
            await tab.shows(SHARDS)
            async with debugger(tab) as session:
                state = SessionState.READY
                for turn in range(6):
                    what = "states" if turn % 2 else "numbers"
                    if what == "states":  # of all shards at once
                        ready = state is SessionState.READY
                        state = SessionState.RESUMING if ready else SessionState.READY
                    # The thread's own time: scripts, styles, layout and painting.
                    before = await metric(session, "TaskDuration")
                    cluster.shards = [
                        shard(place, state=state, events_per_s=turn + place % 7, guilds=turn)
                        for place in range(SHARDS)
                    ]
                    cluster.changed["events"] = 1000 + turn
                    await tab.until_says("#events", f"1,00{turn}")
                    await tab.page.evaluate(DRAWN)
                    took[what].append(await metric(session, "TaskDuration") - before)
        print(took)
        assert statistics.median(took["numbers"]) < MOST_S / 2
        assert statistics.median(took["states"]) < MOST_S

    surfer.run(scenario())


def test_a_page_that_is_left_open_does_not_grow(surfer: Surfer) -> None:
    async def scenario() -> None:
        cluster = PlayedCluster(8)
        async with serving(cluster, quicker=200) as url, surfer.tab(url) as tab:
            await tab.shows(8)
            async with debugger(tab) as session:

                async def size() -> tuple[float, float]:
                    await session.send("HeapProfiler.collectGarbage")
                    nodes = await metric(session, "Nodes")
                    return nodes, await metric(session, "JSHeapUsedSize")

                sizes = []
                for uptime_s in (250, 450):  # what is kept is of two minutes
                    cluster.changed["events"] = uptime_s
                    await cluster.comes_to(uptime_s)
                    await tab.until_says("#events", f"{uptime_s}")
                    sizes.append(await size())
                points = await tab.page.evaluate(
                    "document.querySelector('.chart .line').getAttribute('d').split('L').length"
                )
        assert points == 121
        # Over thousands of updates they stay as they are, give or take what waits to be collected.
        assert sizes[1][0] <= sizes[0][0] + 50
        assert sizes[1][1] < sizes[0][1] + 300_000

    surfer.run(scenario())
