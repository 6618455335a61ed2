"""Shared by all tests."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
import pytest_timeout  # type: ignore[import-untyped]  # it carries no types
from hypothesis import Phase, is_hypothesis_test, settings

from tests.postgres_server import PostgresServer, programs

# On a busy machine a first example takes longer than hypothesis allows; that proves nothing.
settings.register_profile("shared", deadline=None)
settings.register_profile(
    "mutants", deadline=None, phases=(Phase.explicit, Phase.reuse, Phase.generate)
)  # that an example fails is enough: nobody reads the smallest one
UNDER_MUTATION = "MUTANT_UNDER_TEST" in os.environ
settings.load_profile("mutants" if UNDER_MUTATION else "shared")

# A suite that a shell runs in the background ignores Ctrl-C, and so would all that tests start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def own_registry() -> Iterator[None]:
    """No test finds clusters that others of this user run on this host, nor is found."""
    with tempfile.TemporaryDirectory(prefix="dcgw-") as folder, pytest.MonkeyPatch.context() as env:
        env.setenv("DCGW_RUNTIME_DIR", os.environ.get("DCGW_RUNTIME_DIR", folder))
        yield


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


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run a mutant's tests by example first: one of them mostly fails at once."""
    if UNDER_MUTATION:
        items.sort(key=lambda item: is_hypothesis_test(getattr(item, "obj", None)))


LIMIT = pytest.StashKey[pytest_timeout.Settings]()
"""What limit pytest-timeout has set for a test."""


@pytest.hookimpl(wrapper=True)
def pytest_timeout_set_timer(
    item: pytest.Item, settings: pytest_timeout.Settings
) -> Generator[None, object, object]:
    """Let the limit of a test go on once it has struck: each thing that tears it down gets one."""
    item.stash[LIMIT] = settings
    result = yield
    left_s, _ = signal.getitimer(signal.ITIMER_REAL)
    if left_s:  # else it is no signal's
        signal.setitimer(signal.ITIMER_REAL, left_s, settings.timeout)
    return result


@pytest.hookimpl(trylast=True)  # after pytest-timeout, which ends the limit here
def pytest_exception_interact(node: pytest.Item | pytest.Collector) -> None:
    """Give a test that failed its limit again, for what tears it down, unless a debugger comes: the
    other tests wait for its end (pytest_runtest_protocol)."""
    limit = node.stash.get(LIMIT, None)
    if limit is not None and not node.config.getoption("usepdb"):
        node.config.hook.pytest_timeout_set_timer(item=node, settings=limit)


@contextlib.contextmanager
def locked(file: Path, how: int) -> Iterator[None]:
    """Hold a lock on a file (fcntl.LOCK_SH or LOCK_EX) while the block runs; wait for it. It is the
    process's own: a child between fork and exec, which may never get there, doesn't hold it."""
    fd = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.lockf(fd, how)
        yield
    finally:
        os.close(fd)


@pytest.hookimpl(wrapper=True, tryfirst=True)  # before the time of the test's own limit begins
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Let a test that is marked `alone` run while no other of this checkout does: what it measures
    is a matter of milliseconds. It waits for those that run; those that come wait for it."""
    locks = item.config.cache.mkdir("alone")
    if item.get_closest_marker("alone"):
        with locked(locks / "entrance", fcntl.LOCK_EX), locked(locks / "running", fcntl.LOCK_EX):
            return (yield)
    with locked(locks / "entrance", fcntl.LOCK_EX):
        pass
    with locked(locks / "running", fcntl.LOCK_SH):
        return (yield)
