"""What several of the host agent's tests need."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder whose path leaves room for a socket's name: pytest's own is too long on macOS."""
    made = Path(tempfile.mkdtemp(prefix="dcgw-", dir="/tmp"))
    yield made
    shutil.rmtree(made)
