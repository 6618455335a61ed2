"""What the documentation names is there: tests, files; its programs import what users are to."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *DOCS.glob("*.md"), *DOCS.glob("*/*.md")]
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
LINK = re.compile(r"\]\((?!https?://|#|mailto:)([^)#\s]+)")
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
CODE = re.compile(r"```python\n(.*?)```", re.S)
UNDER_IT = re.compile(
    r"^\s*(?:from|import) (?:cluster|coordinator|host_agent|shard_worker)\b", re.M
)
FILE = re.compile(r"`([\w/]+\.py)`")
WAYS = [ROOT / "docs" / "architecture.md", ROOT / "CONTRIBUTING.md"]
"""Pages that lead through the tree, file by file."""
HELD_UP = "held up by"
"""The last column of a table whose every row must name a test."""


def rows(page: str) -> list[str]:
    """Return the rows of tables with such a column, without their heads."""
    found, inside = [], False
    for line in page.splitlines():
        if not line.startswith("|"):
            inside = False
        elif line.rstrip(" |").endswith(HELD_UP):
            inside = True
        elif inside and not line.startswith("| ---"):
            found.append(line)
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_test_and_file_that_a_page_names_is_there(page: Path) -> None:
    text = page.read_text()
    for file, test in NAMED.findall(text):
        assert re.search(rf"^(async )?def {test}\(", (ROOT / file).read_text(), re.M), (file, test)
    for link in LINK.findall(text):
        assert (page.parent / link).exists(), link


@pytest.mark.parametrize("page", WAYS, ids=lambda page: page.name)
def test_every_file_on_the_ways_through_the_house_is_there(page: Path) -> None:
    packages = ("cluster", "coordinator", "dcgw", "host_agent", "shard_worker", "tests")
    present = [f"/{p.relative_to(ROOT)}" for name in packages for p in (ROOT / name).rglob("*.py")]
    named = FILE.findall(page.read_text())
    assert named
    assert [name for name in named if not any(p.endswith(f"/{name}") for p in present)] == []


def test_every_promise_names_the_test_that_holds_it_up() -> None:
    promised = rows((ROOT / "docs" / "delivery.md").read_text())
    assert len(promised) > 30
    for row in promised:
        last = row.rstrip(" |").rsplit(" | ", 1)[1]
        assert NAMED.search(last), row


@pytest.mark.parametrize("page", [*PAGES, *EXAMPLES], ids=lambda page: page.name)
def test_programs_for_users_import_dcgw_alone(page: Path) -> None:
    text = page.read_text()
    programs = CODE.findall(text) if page.suffix == ".md" else [text]
    for program in programs:
        assert not UNDER_IT.search(program), program
