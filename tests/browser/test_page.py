"""What people see: states, numbers, a connection that is lost, and ways through the page."""

from __future__ import annotations

import contextlib
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Page

from cluster.wire.happenings import HappeningKind, Severity
from cluster.wire.states import ClusterState, OperationState, SessionState
from cluster.wire.status import Operation
from tests.browser.played import PlayedCluster, serving
from tests.browser.tab import PHONE, Surfer
from tests.coordinator.http.statuses import budget, subscriber


async def kinds(page: Page) -> list[str]:
    """Return the kind of each cell: good, way, bad or rest."""
    found = await page.evaluate(
        "[...document.querySelectorAll('#shards .cell')].map(cell => cell.className)"
    )
    return [name.removeprefix("cell ") for name in found]


def test_shards_turn_ready_before_the_eyes(surfer: Surfer) -> None:
    async def scenario() -> None:
        cluster = PlayedCluster(4, state=ClusterState.STARTING)
        for place in range(4):
            cluster.let(place, SessionState.AWAITING_GRANT, heartbeat_ms=None)
        cluster.changed["budget"] = budget(waiting=[0, 1, 2, 3], wait_s=15.0)
        async with serving(cluster) as url, surfer.tab(url) as tab:
            await tab.shows(4)
            assert await kinds(tab.page) == ["way"] * 4
            await tab.until_says("#state-title", "Starting: 0 of 4 shards ready")
            assert await tab.text("#state-words") == (
                "4 awaiting grant (a turn to identify). The last identify comes in about 15 s."
            )
            assert "4 shards wait, the last for 15 s." in await tab.text("#budget-queue")
            cluster.let(0, SessionState.READY)
            await tab.until_says("#state-title", "Starting: 1 of 4")
            assert await kinds(tab.page) == ["good", "way", "way", "way"]
            for place in range(1, 4):
                cluster.let(place, SessionState.READY)
            cluster.changed |= {"state": ClusterState.READY, "budget": budget()}
            await tab.until_says("#state-title", "All 4 shards are ready")
            assert await kinds(tab.page) == ["good"] * 4
            assert await tab.page.title() == "4/4 test – dcgw-cluster"
            cluster.let(2, SessionState.FATAL, detail="4014: intents")
            cluster.changed["state"] = ClusterState.DEGRADED
            await tab.until_says("#state-title", "1 shard of 4 is not ready")
            assert await kinds(tab.page) == ["good", "good", "bad", "good"]
            assert await tab.text("#legend") == "3 ready\n1 fatal"
            await tab.page.hover("#shards .cell:nth-child(3)")
            assert "refused by Discord" in await tab.text("#chosen")
            assert "4014: intents" in await tab.text("#chosen")

    surfer.run(scenario())


def test_a_ready_shard_may_be_silent_or_slow(surfer: Surfer) -> None:
    async def scenario() -> None:
        cluster = PlayedCluster(4)
        cluster.let(0, SessionState.READY, too_silent=True, silent_s=340.0)
        cluster.let(1, SessionState.READY, heartbeat_ms=1000.0)
        cluster.let(2, SessionState.READY, heartbeat_ms=999.0)
        cluster.let(3, SessionState.RESUMING, heartbeat_ms=5000.0)
        async with serving(cluster) as url, surfer.tab(url) as tab:
            await tab.shows(4)
            legend = (await tab.text("#legend")).splitlines()
            assert legend == ["3 ready", "1 resuming", "1 silent", "1 slow heartbeat"]
            labels = await tab.page.evaluate(
                "[...document.querySelectorAll('#shards .cell')].map(cell => cell.ariaLabel)"
            )
            assert labels == ["0 ready, silent", "1 ready, slow heartbeat", "2 ready", "3 resuming"]

    surfer.run(scenario())


def test_numbers_and_what_is_wrong(surfer: Surfer) -> None:
    async def scenario() -> None:
        cluster = PlayedCluster(
            3,
            2,
            uptime_s=93_784.0,
            events=1_234_567,
            events_per_s=1234.4,
            troubles=["the replay server was restarted 2 times"],
            warnings=["guilds: 2,400 a shard: reshard auto"],
            budget=budget(remaining=80, reset_after_s=3725.0, max_concurrency=16),
            subscribers=[subscriber("bot", lag=4321, gaps=1), subscriber("<b>logs</b>")],
            subscribers_unknown=2,
        )
        async with serving(cluster) as url, surfer.tab(url) as tab:
            await tab.shows(3)
            assert await tab.text("#ready") == "3 of 3"
            assert await tab.text("#rate") == "1,234"
            assert await tab.text("#events") == "1,234,567"
            assert await tab.text("#heartbeat") == "40 ms"
            assert await tab.text("#left") == "80"
            assert await tab.text("#uptime") == "1 d 2 h"
            assert await tab.text("#state-words") == "2 things below want a look."
            assert await tab.text("#troubles") == "the replay server was restarted 2 times"
            assert await tab.text("#warnings") == "guilds: 2,400 a shard: reshard auto"
            assert await tab.text("#budget-words") == "80 of 1,000 left"
            assert "All are back in 1 h 2 min" in await tab.text("#budget-clock")
            assert "16 may go each 5 s" in await tab.text("#budget-clock")
            assert await tab.page.get_attribute("#budget", "class") == "budget bad"
            workers = (await tab.text("#workers")).splitlines()
            assert workers[0].split("\t") == [
                "0", "running", "2 of 2", "4.0", "12 %", "47.7 MiB", "977 KiB", "59 s", "0", "0"
            ]  # fmt: skip
            rows = (await tab.text("#subscribers")).splitlines()
            assert rows[0].split("\t")[:4] == ["bot", "4,321", "20", "1"]
            assert rows[1].split("\t")[:2] == ["<b>logs</b>", "none"]
            assert "2 connections" in await tab.text("#subscribers-rest")
            # Nothing can be changed without a token, and the page offers nothing.
            assert await tab.page.locator("button:visible").count() == 0

    surfer.run(scenario())


def test_an_operation_is_followed_to_its_end(surfer: Surfer) -> None:
    async def scenario() -> None:
        old = Operation(id="a", kind="scale", text="2 workers", state=OperationState.DONE)
        cluster = PlayedCluster(2, operation=old)
        async with serving(cluster) as url, surfer.tab(url) as tab:
            await tab.shows(2)
            assert not await tab.page.is_visible("#operation")  # it was over before the page came
            under_way = Operation(id="b", kind="reshard", text="3 are ready", done=3, total=8)
            cluster.changed["operation"] = under_way
            await tab.until_says("#operation-words", "3 are ready (3 of 8)")
            assert await tab.page.evaluate("document.querySelector('progress').position") == 3 / 8
            cluster.changed["operation"] = Operation(
                id="b", kind="reshard", text="8 shards", state=OperationState.DONE, seconds=61.0
            )
            await tab.until_says("#operation-title", "Reshard: done")
            assert await tab.text("#operation-words") == "8 shards, 1 min 1 s"

    surfer.run(scenario())


def test_what_is_lost_is_said_and_found_again(surfer: Surfer) -> None:
    async def scenario() -> None:
        cluster = PlayedCluster(2)
        async with contextlib.AsyncExitStack() as server:
            url = await server.enter_async_context(serving(cluster))
            async with surfer.tab(url) as tab:
                await tab.until_says("#state-title", "All 2 shards are ready")
                cluster.away = True
                await tab.until_says("#state-title", "No news from the cluster")
                assert "The coordinator does not answer." in await tab.text("#state-words")
                assert "What is shown is of" in await tab.text("#state-words")
                assert await tab.page.get_attribute("#main", "class") == "old"
                cluster.away = False
                await tab.until_says("#state-title", "All 2 shards are ready")
                assert await tab.page.get_attribute("#main", "class") == ""
                await server.aclose()
                await tab.until_says("#state-title", "No news from the cluster")
                cluster.let(1, SessionState.RESUMING)
                cluster.changed["state"] = ClusterState.DEGRADED
                port = urlsplit(url).port
                assert port is not None
                async with serving(cluster, port=port):
                    await tab.until_says("#state-title", "1 shard of 2 is not ready")
                    assert await kinds(tab.page) == ["good", "way"]

    surfer.run(scenario())


def test_silence_is_not_health(surfer: Surfer) -> None:
    async def scenario() -> None:
        cluster = PlayedCluster(2)
        async with serving(cluster) as url, surfer.tab(url) as tab:
            await tab.page.clock.install()
            await tab.page.reload()
            await tab.until_says("#state-title", "All 2 shards are ready")
            cluster.goes_on.clear()
            await cluster.asked_in_vain()
            await tab.page.clock.run_for(5000)
            assert await tab.text("#state-title") == "All 2 shards are ready"
            await tab.page.clock.run_for(2000)
            await tab.until_says("#state-title", "No news from the cluster")
            cluster.goes_on.set()
            await tab.page.clock.run_for(1000)
            await tab.until_says("#state-title", "All 2 shards are ready")

    surfer.run(scenario())


def test_a_page_that_nobody_sees_draws_its_title_alone(surfer: Surfer) -> None:
    async def scenario() -> None:
        cluster = PlayedCluster(2)
        async with serving(cluster) as url, surfer.tab(url) as tab:
            await tab.until_says("#state-title", "All 2 shards are ready")
            await tab.page.evaluate(
                "Object.defineProperty(document, 'hidden', {value: true, writable: true})"
            )
            cluster.let(1, SessionState.RESUMING)
            cluster.changed["state"] = ClusterState.DEGRADED
            await tab.until("() => document.title.startsWith('1/2')")
            assert await tab.text("#state-title") == "All 2 shards are ready"
            await tab.page.evaluate(
                "document.hidden = false, document.dispatchEvent(new Event('visibilitychange'))"
            )
            assert await tab.text("#state-title") == "1 shard of 2 is not ready"

    surfer.run(scenario())


def test_rates_by_type_are_drawn_those_with_most_first(surfer: Surfer) -> None:
    async def scenario() -> None:
        cluster = PlayedCluster(2, events_per_s=90.0)
        cluster.rates = {f"TYPE_{number}": number for number in range(12)}
        async with serving(cluster, quicker=40) as url, surfer.tab(url) as tab:
            await cluster.comes_to(cluster.uptime_s + 20)
            await tab.until_says("#types", "type 11")
            names = [f"type {number}" for number in range(11, 3, -1)]
            assert await tab.page.locator("#types span").all_inner_texts() == names
            # Both workers count, and a rate is a mean of some seconds.
            rates = await tab.page.locator("#types b").all_inner_texts()
            assert rates == ["22/s", "20/s", "18/s", "16/s", "14/s", "12/s", "10/s", "8.0/s"]
            axes = (await tab.text("#chart")).split()
            assert axes == ["100/s", "50/s", "2", "min", "ago", "1", "min", "now"]
            lines = "document.querySelector('#chart .line').getAttribute('d').split('M').length - 1"
            assert await tab.page.evaluate(lines) == 1
            cluster.uptime_s += 30  # nothing was heard meanwhile
            await cluster.comes_to(cluster.uptime_s + 5)
            await tab.until(f"() => {lines} === 2")
            cluster.uptime_s = 0  # another coordinator counts anew
            cluster.rates = {"TYPE_3": 3.0}
            await tab.until(f"() => {lines} === 1")
            await tab.until("() => document.querySelectorAll('#types li').length === 1")

    surfer.run(scenario())


def test_what_happened_is_told_newest_first(surfer: Surfer) -> None:
    async def scenario() -> None:
        cluster = PlayedCluster(2)
        async with serving(cluster) as url, surfer.tab(url) as tab:
            await tab.until_says("#happenings-rest", "Nothing yet.")
            cluster.happens("worker 0 died", HappeningKind.WORKER_DIED, Severity.WARNING)
            cluster.happens("<i>shard</i> 1 resumed", HappeningKind.SHARD_RESUMED)
            await tab.until_says("#happenings", "worker 0 died")
            told = await tab.page.locator("#happenings p").all_inner_texts()
            assert told == ["<i>shard</i> 1 resumed", "worker 0 died"]
            assert await tab.page.locator("#happenings li.way").count() == 1
            for number in range(120):
                cluster.happens(f"no. {number}", HappeningKind.ALL_READY)
            await tab.until_says("#happenings", "no. 119")
            assert await tab.page.locator("#happenings li").count() == 100
            assert not await tab.page.is_visible("#happenings-rest")

    surfer.run(scenario())


def test_by_keyboard(surfer: Surfer) -> None:
    async def scenario() -> None:
        async with serving(PlayedCluster(200)) as url, surfer.tab(url) as tab:
            await tab.shows(200)
            press = tab.page.keyboard.press

            async def focused() -> str:
                label: str = await tab.page.evaluate("document.activeElement.ariaLabel ?? ''")
                return label

            await press("Tab")  # the way past the top
            assert await tab.page.evaluate("document.activeElement.className") == "skip"
            await press("Tab")
            assert (await focused()).startswith("Shard 0: ready, on worker 0, heartbeat 40 ms, 2.0")
            columns = await tab.page.evaluate(
                "getComputedStyle(document.querySelector('#shards'))"
                ".gridTemplateColumns.split(' ').length"
            )
            for key, shard in (
                ("ArrowRight", 1), ("ArrowDown", 1 + columns), ("ArrowLeft", columns), ("End", 199),
                ("ArrowRight", 199), ("ArrowUp", 199 - columns), ("Home", 0), ("ArrowLeft", 0),
                ("PageDown", 199), ("PageUp", 0),
            ):  # fmt: skip
                await press(key)
                assert (await focused()).startswith(f"Shard {shard}:"), key
                assert (await tab.text("#chosen")).startswith(f"Shard {shard}:")
            outline = await tab.page.evaluate(
                "getComputedStyle(document.activeElement).outlineWidth"
            )
            assert outline == "3px"
            await press("Tab")  # the grid is one stop, wherever it is in it
            assert await tab.page.evaluate("document.activeElement.tagName") == "SUMMARY"
            await press("Enter")
            await tab.until_says("#shard-page", "1 to 64 of 200")
            await press("Tab")
            await press("Tab")  # what can't be gone back to is left out
            assert await tab.page.evaluate("document.activeElement.id") == "later"
            for page in ("65 to 128", "129 to 192", "193 to 200"):
                await press("Enter")
                await tab.until_says("#shard-page", f"{page} of 200")
            assert await tab.page.locator("#shard-rows tr").count() == 8

    surfer.run(scenario())


@pytest.mark.parametrize("shards", [1, 40, 1000])
def test_a_phone_shows_it_without_going_sideways(surfer: Surfer, shards: int) -> None:
    async def scenario() -> None:
        cluster = PlayedCluster(
            shards,
            subscribers=[subscriber("x" * 64, lacks=["MESSAGE_CONTENT"])],
            troubles=["y" * 300],
        )
        cluster.let(0, SessionState.WAITING, detail="z" * 200)
        async with serving(cluster, token="t" * 32) as url, surfer.tab(url, size=PHONE) as tab:
            await tab.shows(shards)
            await tab.page.click("#shard-table summary")
            await tab.until_says("#shard-rows", "waiting")
            wide = await tab.page.evaluate("document.documentElement.scrollWidth")
            assert wide <= PHONE[0]
            cut = await tab.page.evaluate(
                "[...document.querySelectorAll('td, th, dd, p, li, button')]"
                ".filter(one => one.offsetParent && !one.closest('thead')"
                " && one.getBoundingClientRect().right > innerWidth).map(one => one.outerHTML)"
            )
            assert cut == []

    surfer.run(scenario())
