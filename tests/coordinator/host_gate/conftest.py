"""A host gate that several tests share."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.coordinator.host_gate.rig import Rig


@pytest.fixture(scope="module")
def rig() -> Iterator[Rig]:
    with tempfile.TemporaryDirectory(prefix="dcgw-", dir="/tmp") as folder:
        rig = Rig(Path(folder), hubs=2)
        yield rig
        errors = rig.close()
        assert "Traceback" not in errors
