"""A home for each test."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.home import Home


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    # Sockets have a short folder of their own: pytest's are too long for an ipc path.
    with tempfile.TemporaryDirectory(prefix="dcgw-") as sockets:
        home = Home(tmp_path, Path(sockets))
        yield home
        if home.processes():
            home.cli("stop")
