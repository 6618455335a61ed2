"""What several of the coordinator's tests need."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def short_folder() -> Iterator[Path]:
    """A folder whose path leaves room for a socket's name: pytest's own is too long on macOS."""
    folder = Path(tempfile.mkdtemp(prefix="dcgw-", dir="/tmp"))
    yield folder
    shutil.rmtree(folder)
