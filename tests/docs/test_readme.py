"""The README as the registry shows it, where no relative link leads anywhere."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
HOOK = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["metadata"]["hooks"]


def shown(text: str) -> str:
    for one in HOOK["fancy-pypi-readme"]["substitutions"]:
        text = re.sub(one["pattern"], one["replacement"], text)
    return text


def test_no_link_leads_nowhere() -> None:
    readme = (ROOT / "README.md").read_text()
    assert "](docs/" in readme
    links = re.findall(r"\]\(([^)]*)\)", shown(readme))
    assert [link for link in links if not link.startswith("https://")] == []


def test_what_becomes_of_links_and_pictures() -> None:
    text = (
        "a\n\n![The page](docs/pictures/a.png)\n\n[b](docs/b.md), [c.md](c.md), [d](https://d.e/)\n"
    )
    assert shown(text) == "a\n\nb (`docs/b.md`), `c.md`, [d](https://d.e/)\n"
