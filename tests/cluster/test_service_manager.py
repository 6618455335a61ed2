"""A service manager is told in datagrams, and nobody waits for it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster.service_manager import LONGEST_STATUS, ServiceManager
from tests.notify_socket import NotifySocket


@pytest.fixture
def short_folder() -> Iterator[Path]:
    """A folder whose path leaves room for a socket's name."""
    with tempfile.TemporaryDirectory(prefix="dcgw-") as folder:
        yield Path(folder)


@pytest.mark.parametrize("kind", ["path", "abstract"])
def test_what_is_told_is_heard(short_folder: Path, kind: str) -> None:
    place = str(short_folder / "notify")
    with NotifySocket.bound(place if kind == "path" else f"@{place}") as notify:
        manager = ServiceManager.of({"NOTIFY_SOCKET": notify.address, "WATCHDOG_USEC": "2500000"})
        assert manager.watchdog_s == 2.5
        assert manager.tell(READY=1, STATUS="12 shards\nare \ud800 ready\n")
        assert manager.tell(STATUS="x" * 10_000)
        assert notify.heard() == [
            {"READY": "1", "STATUS": "12 shards are ? ready"},
            {"STATUS": "x" * LONGEST_STATUS},
        ]


@pytest.mark.parametrize(
    "env", [{}, {"NOTIFY_SOCKET": ""}, {"NOTIFY_SOCKET": "vsock:2:1"}, {"WATCHDOG_USEC": "1000"}]
)
def test_without_a_manager_nothing_is_sent(env: dict[str, str]) -> None:
    manager = ServiceManager.of(env)
    assert (manager.is_there, manager.watchdog_s, manager.tell(READY=1)) == (False, 0.0, False)


def test_a_watchdog_that_is_no_number() -> None:
    manager = ServiceManager.of({"NOTIFY_SOCKET": "/nowhere", "WATCHDOG_USEC": "²"})
    assert (manager.is_there, manager.watchdog_s) == (True, 0.0)


def test_a_manager_that_is_gone_or_does_not_read_holds_nobody_up(
    short_folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    manager = ServiceManager(str(short_folder / "notify"))
    assert [manager.tell(WATCHDOG=1) for _ in range(3)] == [False] * 3
    assert caplog.text.count("can't be told") == 1
    with NotifySocket.bound(str(short_folder / "notify")) as notify:
        told = [manager.tell(WATCHDOG=1) for _ in range(10_000)]
        assert told[0]
        assert not told[-1], "nobody reads, and it does not wait"
        assert len(notify.heard()) == told.count(True)
        assert manager.tell(WATCHDOG=1)
    assert caplog.text.count("can't be told") == 2
