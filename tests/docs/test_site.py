"""The site as it is built: nothing on it comes from elsewhere, and no page is left out."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOADING = {"script": "src", "img": "src", "iframe": "src", "link": "href", "source": "src"}
"""What a browser fetches without being asked, by tag."""
NAMED = re.compile(r"[\w/-]+\.md")


class Loaded(HTMLParser):
    """Collects what a page makes a browser load."""

    def __init__(self) -> None:
        super().__init__()
        self.urls: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if given := dict(attrs).get(LOADING.get(tag, "")):
            self.urls.append(given)


def test_every_page_has_its_place() -> None:
    named = set(NAMED.findall((ROOT / "mkdocs.yml").read_text()))
    docs = ROOT / "docs"
    pages = {str(page.relative_to(docs)) for page in (*docs.glob("*.md"), *docs.glob("*/*.md"))}
    assert pages - named == set()


@pytest.mark.skipif(
    find_spec("mkdocs") is None or find_spec("mkdocstrings") is None,
    reason="what builds the site is not here: `make docs`",
)
@pytest.mark.timeout(300)  # it takes some seconds of a processor, of which it may get a tenth
def test_the_site(tmp_path: Path) -> None:
    """Strictly: a link or an anchor that leads nowhere fails."""
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", tmp_path],
        cwd=ROOT, env={**os.environ, "NO_MKDOCS_2_WARNING": "1"}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    pages = list(tmp_path.rglob("*.html"))
    assert len(pages) > 30
    for page in pages:
        loaded = Loaded()
        loaded.feed(page.read_text())
        elsewhere = [url for url in loaded.urls if re.match(r"(?:[a-z]+:)?//", url)]
        assert elsewhere == [], page
        drawn = 'class="mermaid"' in page.read_text()
        assert any(url.endswith("assets/mermaid.js") for url in loaded.urls) == drawn, page
    api = (tmp_path / "reference/api.html").read_text()
    for name in ("dcgw.Subscriber", "dcgw.GatewayClient.connect", "dcgw.states.GapReason"):
        assert f'id="{name}"' in api
