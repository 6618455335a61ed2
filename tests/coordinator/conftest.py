"""What several of the coordinator's tests need."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.coordinator.state.postgres_server import PostgresServer, programs


@pytest.fixture
def short_folder() -> Iterator[Path]:
    """A folder whose path leaves room for a socket's name: pytest's own is too long on macOS."""
    folder = Path(tempfile.mkdtemp(prefix="dcgw-", dir="/tmp"))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A server for all tests of this process; who stops it makes one of their own."""
    if programs() is None:
        pytest.skip("PostgreSQL's server is not installed here (Debian: postgresql)")
    server = PostgresServer.make()
    yield server
    server.close()


@pytest.fixture
def database_url(postgres: PostgresServer) -> str:
    """The URL of a database with nothing in it."""
    return postgres.new_database()
