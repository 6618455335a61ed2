"""A home for each test, and what its cluster logged if the test fails."""

from __future__ import annotations

import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.e2e.home import Home

SHOWN_CHARS: Final = 4000


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show the end of each log of the cluster with a test that fails: its folder may be gone when
    somebody reads of it."""
    report = yield
    if report.failed:
        found = getattr(item, "funcargs", {}).values()
        homes = [getattr(value, "home", value) for value in found]
        for home in [home for home in homes if isinstance(home, Home)]:
            for log in sorted(home.state.glob("*/logs/*")):
                text = log.read_text(errors="replace")[-SHOWN_CHARS:]
                report.sections.append((f"{log.name}, its end", text))
    return report


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    # Sockets have a short folder of their own: pytest's are too long for an ipc path.
    with tempfile.TemporaryDirectory(prefix="dcgw-") as sockets:
        home = Home(tmp_path, Path(sockets))
        yield home
        if home.processes():
            home.cli("stop")
