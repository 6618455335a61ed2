"""Takes the pictures of the page in docs/pictures: ``python -m tests.browser.pictures [FOLDER]``.

They are of a played cluster at a fixed time; how many of its seconds have gone by when one is taken
is another number each time.
"""

from __future__ import annotations

import base64
import sys
from pathlib import Path
from typing import Final, NamedTuple

from playwright.async_api import Page

from tests.browser.played import serving
from tests.browser.scenes import NOW, LivingCluster
from tests.browser.tab import Surfer

FOLDER: Final = Path(__file__).parent.parent.parent / "docs" / "pictures"
QUALITY: Final = 88
"""Percent, as WebP takes it."""
MOST_BYTES: Final = 150_000
MARGIN: Final = 16
"""Pixels below the last section."""
BOTTOM: Final = (
    "inner => document.querySelector(inner).closest('section').getBoundingClientRect().bottom"
)


class Picture(NamedTuple):
    """What is taken."""

    name: str
    scheme: str
    width: int
    last: str
    """Where it ends: below the section that has this element."""
    shards: int
    scale: float
    well: bool = False
    form: str = "webp"
    """Or "png", which is smaller where much is of one colour."""


PICTURES: Final = (
    Picture("page-light", "light", 1280, "#workers", 64, 1.5),
    Picture("page-dark", "dark", 1280, "#workers", 64, 1.5),
    Picture("page-phone", "light", 390, "#types", 24, 2, well=True),
    Picture("page-thousands", "dark", 1280, "#shards", 4096, 1, form="png"),
)


async def take(surfer: Surfer, one: Picture) -> bytes:
    """Return a picture's file."""
    cluster = LivingCluster(one.shards, well=one.well)
    options = {
        "color_scheme": one.scheme,
        "device_scale_factor": one.scale,
        "timezone_id": "UTC",
        "reduced_motion": "reduce",
    }
    size = (one.width, 1000)
    async with (
        serving(cluster, token="0" * 32, quicker=20) as url,
        surfer.tab(url, size, **options) as tab,
    ):
        await tab.page.clock.set_fixed_time(NOW)
        await cluster.comes_to(cluster.uptime_s + 130)  # the charts are of two minutes
        await tab.shows(one.shards)
        height = await tab.page.evaluate(BOTTOM, one.last)
        await tab.page.set_viewport_size({"width": one.width, "height": round(height) + MARGIN})
        await tab.page.hover("#shards .cell:nth-child(10)")
        return await shot(tab.page, one.form)


async def shot(page: Page, form: str) -> bytes:
    """Return what is to be seen now. Playwright's own call makes no WebP."""
    session = await page.context.new_cdp_session(page)
    options = {"format": form} | ({"quality": QUALITY} if form == "webp" else {})
    found = await session.send("Page.captureScreenshot", options)
    return base64.b64decode(found["data"])


def main(folder: Path) -> None:
    """Take all pictures."""
    folder.mkdir(parents=True, exist_ok=True)
    surfer = Surfer()
    try:
        for one in PICTURES:
            data = surfer.run(take(surfer, one))
            path = folder / f"{one.name}.{one.form}"
            path.write_bytes(data)
            print(f"{path}: {len(data)} bytes")
            assert len(data) <= MOST_BYTES
    finally:
        surfer.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER)
