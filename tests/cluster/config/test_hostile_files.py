"""Files that a command meets: rubbish where a running cluster says where it is, a configuration
that is none."""

from __future__ import annotations

import fcntl
import logging
import os
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from cluster.config.loading import load, locate
from cluster.endpoints.discovery import find_cluster
from cluster.endpoints.paths import Running
from cluster.errors import ConfigError, NotRunningError

RUNNING = Running(
    name="good", pid=1, started_at=1.0, state_dir="/nowhere", control_endpoint="ipc:///c",
    hub_endpoint="ipc:///h", replay_endpoint="ipc:///r",
)  # fmt: skip
RUBBISH = {
    "empty": b"",
    "cut": msgspec.json.encode(RUNNING)[:-9],
    "zeros": bytes(10_000),
    "not text": b'{"name":"\xff"}',
    "deep": b"[" * 60_000,
    "other": b'{"name":1}',
    "huge": b" " * 200_000 + b"{}",
}


@pytest.fixture
def env(tmp_path: Path) -> Iterator[dict[str, str]]:
    """Folders of clusters that all hold their locks, one of which says where it is."""
    held = []
    for name, data in [("good", msgspec.json.encode(RUNNING)), *RUBBISH.items()]:
        folder = tmp_path / name
        folder.mkdir()
        (folder / "running.json").write_bytes(data)
        fd = os.open(folder / "coordinator.lock", os.O_RDWR | os.O_CREAT)
        fcntl.flock(fd, fcntl.LOCK_EX)
        held.append(fd)
    (tmp_path / "folder" / "running.json").mkdir(parents=True)
    yield {"DCGW_STATE_DIR": str(tmp_path)}
    for fd in held:
        os.close(fd)


def test_a_cluster_is_found_among_rubbish(
    env: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        assert find_cluster(None, env) == RUNNING
        assert find_cluster("good", env) == RUNNING
        with pytest.raises(NotRunningError, match="'empty' is running"):
            find_cluster("empty", env)
    for name in RUBBISH:
        assert f"{name}/running.json is not what a running cluster writes" in caplog.text


def test_a_configuration_of_100_mb_is_not_read(tmp_path: Path) -> None:
    file = tmp_path / "cluster.toml"
    with file.open("wb") as large:
        large.truncate(100_000_000)
    tracemalloc.start()
    try:
        for read in (load, locate):
            with pytest.raises(ConfigError, match="larger than 1048576 bytes"):
                read(file=file, env={})
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("text", [
    b"\xff\xfe", b"\0" * 1000, b"a = " + b"[" * 50_000, b"x = " + b"9" * 5000, b"intents = true",
    b'intents = "' + b"9" * 5000 + b'"', b"presence = " + b"{a=" * 900 + b"1" + b"}" * 900,
    b"[identify]\nmargin_ms = -1", b"shards = 1e400", b'shards = "\xd9\xa3"', b"shards = nan",
])  # fmt: skip
def test_a_configuration_that_is_none(tmp_path: Path, text: bytes) -> None:
    file = tmp_path / "cluster.toml"
    file.write_bytes(text)
    with pytest.raises(ConfigError):
        load(file=file, env={})
