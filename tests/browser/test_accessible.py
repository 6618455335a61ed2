"""Nobody is kept out: axe-core's rules, and no motion for who wants none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cluster.wire.happenings import HappeningKind, Severity
from cluster.wire.states import ClusterState, HostState, OperationState, SessionState, WorkerState
from cluster.wire.status import Operation
from tests.browser.played import PlayedCluster, serving
from tests.browser.tab import DESK, PHONE, Surfer, Tab
from tests.coordinator.http.statuses import away, gone, host, subscriber, worker

AXE = Path(__file__).parent.parent / "clients" / "node_modules" / "axe-core" / "axe.min.js"
STATES = list(SessionState)


def everything() -> PlayedCluster:
    """Return a cluster in which everything that the page can show is to be seen."""
    cluster = PlayedCluster(
        len(STATES) + 1,
        state=ClusterState.DEGRADED,
        troubles=["the journal of worker 1 reaches back 40 min"],
        warnings=["the identify budget is low"],
        subscribers=[subscriber("bot", lag=2000, gaps=1, lacks=["GUILD_MEMBERS"])],
        subscribers_unknown=1,
        operation=Operation(id="a", kind="restart", text="worker 1", state=OperationState.RUNNING),
    )
    for place, state in enumerate(STATES):
        cluster.let(place, state, detail="in words")
    cluster.let(len(STATES), SessionState.READY, too_silent=True)
    cluster.changed["hosts"] = [
        host("host-1"), host("host-2", state=HostState.DRAINING, detail="it leaves"),
        away("host-3"), gone("host-4"),
    ]  # fmt: skip
    cluster.workers = [
        worker(slot, host="host-1", state=state, restarts=slot, journalling=slot != 1)
        for slot, state in enumerate(WorkerState)
    ]
    for severity in Severity:
        cluster.happens(f"a happening of severity {severity}", HappeningKind.ALL_READY, severity)
    return cluster


async def violations(tab: Tab) -> list[str]:
    """Return what axe-core finds, a line a place."""
    await tab.page.evaluate(AXE.read_text() + "; undefined")
    found: dict[str, Any] = await tab.page.evaluate(
        "axe.run(document, {resultTypes: ['violations']})"
    )
    return [
        f"{rule['id']}: {rule['help']}: {node['html'][:160]} {json.dumps(node['any'])[:300]}"
        for rule in found["violations"]
        for node in rule["nodes"]
    ]


@pytest.mark.skipif(not AXE.exists(), reason="the npm packages are not installed: `make clients`")
@pytest.mark.parametrize(
    ("scheme", "size"),
    [("light", DESK), ("dark", DESK), ("light", PHONE), ("dark", PHONE)],
    ids=["light", "dark", "light phone", "dark phone"],
)
def test_axe_finds_nothing(surfer: Surfer, scheme: str, size: tuple[int, int]) -> None:
    async def scenario() -> None:
        async with (
            serving(everything(), token="t" * 32) as url,
            surfer.tab(url, size=size, color_scheme=scheme, reduced_motion="reduce") as tab,
        ):
            await tab.shows(len(STATES) + 1)
            await tab.page.click("#shard-table summary")
            await tab.until_says("#shard-rows", "in words")
            assert await violations(tab) == []
            await tab.page.click("#restart")
            assert await tab.page.is_visible("#ask")
            assert await violations(tab) == []

    surfer.run(scenario())


@pytest.mark.parametrize("motion", ["reduce", "no-preference"])
def test_nothing_moves_for_who_wants_no_motion(surfer: Surfer, motion: str) -> None:
    async def scenario() -> None:
        async with (
            serving(everything()) as url,
            surfer.tab(url, reduced_motion=motion) as tab,
        ):
            await tab.shows(len(STATES) + 1)
            moving = await tab.page.evaluate("document.getAnimations().length")
            assert (moving > 0) == (motion == "no-preference")

    surfer.run(scenario())
