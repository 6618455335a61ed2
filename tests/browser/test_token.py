"""The token: asked for where it is needed, kept in memory alone, and what it lets people do."""

from __future__ import annotations

from tests.browser.played import PlayedCluster, serving
from tests.browser.tab import Surfer, Tab
from tests.coordinator.http.statuses import budget

TOKEN = "0123456789abcdef0123456789abcdef"


async def stays_secret(tab: Tab) -> None:
    """See that the token is in no address, and in nothing that outlives the page."""
    assert all(TOKEN not in request.url for request in tab.requests)
    assert TOKEN not in await tab.page.evaluate(
        "JSON.stringify([location.href, history.state, document.cookie,"
        " {...localStorage}, {...sessionStorage}, document.documentElement.outerHTML])"
    )
    assert await tab.page.input_value("#ask-token") == ""


def test_beyond_loopback_the_page_asks_for_it(surfer: Surfer) -> None:
    async def scenario() -> None:
        async with (
            serving(PlayedCluster(2), token=TOKEN, loopback=False) as url,
            surfer.tab(url) as tab,
        ):
            await tab.until_says("#ask-title", "asks for its token")
            assert await tab.text("#state-title") == "Connecting"
            await tab.page.fill("#ask-token", "wrong")
            await tab.page.press("#ask-token", "Enter")
            await tab.until_says("#ask-answer", "That is not the token.")
            assert await tab.page.evaluate("document.activeElement.id") == "ask-token"
            await tab.page.click("#ask-no")  # it asks as long as it needs it
            await tab.until("() => document.querySelector('#ask').open")
            await tab.page.fill("#ask-token", TOKEN)
            await tab.page.click("#ask-yes")
            await tab.until_says("#state-title", "All 2 shards are ready")
            assert not await tab.page.is_visible("#ask")
            await stays_secret(tab)
            # Once it is known it is not asked for again.
            await tab.page.click("#restart")
            assert not await tab.page.is_visible("#ask-token")
            await tab.page.reload()
            await tab.until_says("#ask-title", "asks for its token")

    surfer.run(scenario())


def test_a_restart_asks_first(surfer: Surfer) -> None:
    async def scenario() -> None:
        cluster = PlayedCluster(4, 2, budget=budget(remaining=998))
        async with serving(cluster, token=TOKEN) as url, surfer.tab(url) as tab:
            await tab.shows(4)
            await tab.page.click("#restart")
            assert await tab.text("#ask-title") == "Restart all 2 workers, one after the other?"
            words = await tab.text("#ask-words")
            assert "4 sessions are closed and resumed" in words
            assert "It costs no identify" in words
            assert "998 of 1,000 are left" in words
            await tab.page.keyboard.press("Escape")
            assert not await tab.page.is_visible("#ask")
            assert cluster.begun == []

            await tab.page.get_by_role("button", name="Restart worker 1 …").click()
            assert await tab.text("#ask-title") == "Restart worker 1?"
            await tab.page.fill("#ask-token", TOKEN[:-1])
            await tab.page.click("#ask-yes")
            await tab.until_says("#ask-answer", "This is not the token.")
            assert cluster.begun == []
            await tab.page.fill("#ask-token", TOKEN)
            await tab.page.click("#ask-yes")
            await tab.until("() => !document.querySelector('#ask').open")
            assert cluster.begun == [("restart", {"worker": 1})]
            await stays_secret(tab)

            await tab.page.click("#restart")
            await tab.page.click("#ask-yes")
            await tab.until("() => !document.querySelector('#ask').open")
            assert cluster.begun[1:] == [("restart", {})]

    surfer.run(scenario())


def test_a_reshard_says_what_it_costs(surfer: Surfer) -> None:
    async def scenario() -> None:
        cluster = PlayedCluster(4, budget=budget(remaining=20))
        async with serving(cluster, token=TOKEN) as url, surfer.tab(url) as tab:
            await tab.shows(4)
            await tab.page.click("#reshard")
            assert await tab.page.input_value("#ask-count") == "4"
            await tab.page.fill("#ask-count", "8")
            assert "It costs 8 identifies; 20 of 1,000 are left" in await tab.text("#ask-words")
            assert "They take about 40 s." in await tab.text("#ask-words")
            await tab.page.fill("#ask-count", "21")
            assert "it will be refused" in await tab.text("#ask-words")
            await tab.page.fill("#ask-token", TOKEN)
            cluster.refuses = True
            await tab.page.click("#ask-yes")
            await tab.until_says("#ask-answer", "The budget is spent: wait.")
            assert await tab.page.is_visible("#ask")
            cluster.refuses = False
            await tab.page.fill("#ask-count", "0")
            assert "0 takes what Discord recommends" in await tab.text("#ask-words")
            await tab.page.click("#ask-yes")
            await tab.until("() => !document.querySelector('#ask').open")
            assert cluster.begun == [("reshard", {"shards": 0, "overlap_s": 10.0})]

    surfer.run(scenario())
