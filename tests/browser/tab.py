"""A tab of a real browser: nothing may be asked for elsewhere, and nothing may fail."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

from playwright.async_api import (
    Browser,
    ConsoleMessage,
    Page,
    Playwright,
    Request,
    async_playwright,
)

from tests.fingerprint.captured import browser_path

WAIT_MS: Final = 30_000.0
Result = TypeVar("Result")
PHONE: Final = (390, 844)
DESK: Final = (1280, 900)


class Tab:
    """One page of its own, and what it did."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url
        self.requests: list[Request] = []
        self.said: list[str] = []
        """What the console said, but of requests that failed, which a test brings about."""
        page.on("request", lambda request: self.requests.append(request))
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.said.append(str(error)))

    async def text(self, selector: str) -> str:
        """Return the text of an element."""
        return await self.page.inner_text(selector)

    async def until(self, expression: str, argument: object = None) -> None:
        """Wait until a function of JavaScript returns true. A bare expression would need eval,
        which the page forbids."""
        await self.page.wait_for_function(expression, arg=argument, timeout=WAIT_MS)

    async def until_says(self, selector: str, text: str) -> None:
        """Wait until an element's text has another in it."""
        await self.until(
            "([where, text]) => document.querySelector(where)?.innerText.includes(text)",
            [selector, text],
        )

    async def shows(self, shards: int) -> None:
        """Wait until the grid has so many cells."""
        await self.until(
            "many => document.querySelectorAll('#shards .cell').length === many", shards
        )

    def _hear(self, message: ConsoleMessage) -> None:
        if not message.text.startswith("Failed to load resource"):
            self.said.append(message.text)


class Surfer:
    """A browser and the loop that it is asked by, kept for all tests of a process."""

    def __init__(self) -> None:
        path = browser_path()
        assert path is not None
        self._path = path
        self._runner = asyncio.Runner()
        self._playwright: Playwright | None = None
        self._browser: Browser | None = None

    def run(self, scenario: Coroutine[Any, Any, Result]) -> Result:
        """Run a scenario to its end."""
        return self._runner.run(scenario)

    @contextlib.asynccontextmanager
    async def tab(
        self, url: str, size: tuple[int, int] = DESK, **options: Any
    ) -> AsyncIterator[Tab]:
        """Open a page while the block runs, in a context of its own (Playwright's options). Once
        the block has ended well, the page must have asked for nothing elsewhere, and its console
        must be empty."""
        browser = await self._started()
        width, height = size
        context = await browser.new_context(viewport={"width": width, "height": height}, **options)
        try:
            page = await context.new_page()
            page.set_default_timeout(WAIT_MS)
            tab = Tab(page, url)
            await page.goto(url)
            yield tab
        finally:
            await context.close()
        origins = {urlsplit(request.url)[:2] for request in tab.requests}
        assert origins == {urlsplit(url)[:2]}
        assert tab.said == []

    def close(self) -> None:
        """End the browser."""
        with self._runner:
            self._runner.run(self._stop())

    async def _started(self) -> Browser:
        if self._browser is None:
            self._playwright = await async_playwright().start()
            # Chromium's sandbox needs what containers lack; it opens our own page alone.
            self._browser = await self._playwright.chromium.launch(
                executable_path=self._path, args=["--no-sandbox", "--disable-gpu"]
            )
        return self._browser

    async def _stop(self) -> None:
        if self._browser is not None:
            await self._browser.close()
        if self._playwright is not None:
            await self._playwright.stop()
