"""One browser for all tests of a process, and a home for those that start a cluster."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.browser.tab import Surfer
from tests.e2e.conftest import home, pytest_runtest_makereport  # noqa: F401  # what pytest finds here
from tests.fingerprint.captured import BROWSERS, browser_path


@pytest.fixture(scope="session")
def surfer() -> Iterator[Surfer]:
    if browser_path() is None:
        pytest.skip(
            f"none of {', '.join(BROWSERS)} is installed (Debian: apt-get install chromium)"
        )
    made = Surfer()
    yield made
    made.close()
