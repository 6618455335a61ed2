"""The page of a cluster that runs: shards turn ready, and what is killed shows and heals."""

from __future__ import annotations

import asyncio
import os
import signal

import msgspec

from cluster.wire.status import ClusterStatus
from tests.browser.tab import Surfer, Tab
from tests.e2e.home import Home, run_sandbox
from tests.e2e.test_http import free_port, get
from tests.e2e.watching import control_of

SHARDS = 3


def test_a_cluster_comes_up_and_heals_before_the_eyes(surfer: Surfer, home: Home) -> None:
    port = free_port()
    home.env["DCGW_HTTP_LISTEN"] = f"127.0.0.1:{port}"
    # One identify each 5 s: there is time to see shards wait for theirs.
    with run_sandbox(guilds=6, shards=SHARDS, max_concurrency=1) as info:
        home.use(info)
        start = home.cli("start", "--detach", "--workers", "2")
        assert start.returncode == 0, start.stderr
        surfer.run(watched(surfer, home, f"http://127.0.0.1:{port}/", info.pid))
        stop = home.cli("stop")
        assert stop.returncode == 0, stop.stderr
    assert home.leftovers() == []


async def watched(surfer: Surfer, home: Home, url: str, discord: int) -> None:
    """Look at the page from the start to a worker's death and after. discord: the sandbox's pid."""
    async with surfer.tab(url) as tab:
        await tab.shows(SHARDS)
        await tab.until_says("#state-title", "Starting:")
        await tab.until_says("#legend", "awaiting grant")
        await tab.until_says("#state-title", f"All {SHARDS} shards are ready")
        await tab.until_says("#happenings", "is ready with a new session, epoch 1")
        await same_numbers(tab, url)

        async with control_of(home) as control:
            status = await control.status()
            pid = next(worker.pid for worker in status.workers if worker.slot == 1)
            assert pid is not None
            # Discord hangs meanwhile: else the next process could be ready before a page sees it.
            os.kill(discord, signal.SIGSTOP)
            try:
                os.kill(pid, signal.SIGKILL)
                await tab.until_says("#state-title", "not ready")
            finally:
                os.kill(discord, signal.SIGCONT)
        await tab.until_says("#state-title", f"All {SHARDS} shards are ready")
        await tab.until_says("#happenings", "worker 1 died")
        await tab.until_says("#happenings", "resumed its session")
        restarts = tab.page.locator("#workers tr:nth-child(2) td").nth(9)
        assert await restarts.inner_text() == "1"
        await same_numbers(tab, url)


async def same_numbers(tab: Tab, url: str) -> None:
    """See that the page shows the numbers of /status. Both go on, so it is looked at until they
    are of the same second."""
    shown: dict[str, str] = {}
    told: dict[str, str] = {}
    for _ in range(60):
        answer = await asyncio.to_thread(get, url, "/status")
        told = numbers(msgspec.json.decode(answer.text, type=ClusterStatus))
        shown = await tab.page.evaluate(SHOWN)
        if shown == told:
            return
        await asyncio.sleep(0.3)
    assert shown == told


SHOWN = """() => {
  const text = (where) => document.querySelector(where).innerText;
  const cells = (row) => [...row.cells].map((cell) => cell.innerText);
  const workers = [...document.querySelector("#workers").rows].map(cells);
  return {
    name: text("#name"), ready: text("#ready"), events: text("#events"), left: text("#left"),
    workers: workers.map((row) => `${row[0]} ${row[1]} ${row[2]} ${row[9]}`).join(),
  };
}"""


def numbers(status: ClusterStatus) -> dict[str, str]:
    """Return what the page has to show of a status in which nothing moves."""
    return {
        "name": status.name,
        "ready": f"{status.shards_ready} of {len(status.shards)}",
        "events": f"{status.events:,}",
        "left": f"{status.budget.remaining:,}",
        "workers": ",".join(
            f"{row.slot} {row.state} {row.shards_ready} of {row.shards} {row.restarts}"
            for row in status.workers
        ),
    }
