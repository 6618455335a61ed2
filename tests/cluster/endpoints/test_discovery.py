"""Everybody who looks for a local cluster finds the same one, or the same error."""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from cluster.cli.options import running_cluster
from cluster.control import ControlClient
from cluster.endpoints.discovery import Endpoints, find_cluster, subscriber_endpoints
from cluster.endpoints.paths import Running
from cluster.errors import ClusterError, NotRunningError
from cluster.subscriber import Subscriber

Run = Callable[[str], Running]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """Let a cluster of this name look as if it ran: it holds its lock."""
    monkeypatch.setenv("DCGW_STATE_DIR", str(tmp_path))
    monkeypatch.delenv("DCGW_NAME", raising=False)
    monkeypatch.chdir(tmp_path)
    held = []

    def run(name: str) -> Running:
        folder = tmp_path / name
        folder.mkdir()
        running = Running(
            name=name, pid=1, started_at=1.0, state_dir=str(folder),
            control_endpoint=f"ipc:///{name}/control", hub_endpoint=f"ipc:///{name}/events",
            replay_endpoint=f"ipc:///{name}/replay",
        )  # fmt: skip
        (folder / "running.json").write_bytes(msgspec.json.encode(running))
        held.append(os.open(folder / "coordinator.lock", os.O_RDWR | os.O_CREAT))
        fcntl.flock(held[-1], fcntl.LOCK_EX)
        return running

    yield run
    for fd in held:
        os.close(fd)


async def _subscribe() -> None:
    async with Subscriber():
        pass


FINDERS: list[Callable[[], object]] = [
    lambda: running_cluster(None, None),
    ControlClient.find,
    lambda: asyncio.run(_subscribe()),
]
"""Look without a name: as a verb of the command line, as ControlClient, as Subscriber."""


@pytest.mark.parametrize("find", FINDERS)
def test_no_cluster_is_the_same_error_for_all(run: Run, find: Callable[[], object]) -> None:
    with pytest.raises(NotRunningError, match="no cluster is running") as caught:
        find()
    assert caught.value.exit_code == 3


@pytest.mark.parametrize("find", FINDERS)
def test_several_clusters_are_the_same_error_for_all(run: Run, find: Callable[[], object]) -> None:
    run("east")
    run("west")
    with pytest.raises(ClusterError, match=r"2 clusters .* one of: east, west") as seen:
        find()
    assert type(seen.value) is ClusterError  # exit code 1: something does run
    assert seen.value.exit_code == 1


def test_one_of_several_is_named_or_preferred(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    east, west = run("east"), run("west")
    assert find_cluster("west") == west
    assert find_cluster(preferred="east") == east
    assert running_cluster(None, "west") == west
    monkeypatch.setenv("DCGW_NAME", "east")  # the configuration's
    assert running_cluster(None, None) == east
    assert running_cluster(None, "west") == west


def test_the_only_one_is_taken_whatever_the_configuration_prefers(run: Run) -> None:
    east = run("east")
    assert find_cluster(preferred="west") == east
    with pytest.raises(NotRunningError, match="no cluster named 'west' is running: running: east"):
        find_cluster("west")


def test_endpoints_that_are_not_given_are_the_local_clusters(run: Run) -> None:
    east = run("east")
    every = Endpoints(east.hub_endpoint, east.replay_endpoint, east.control_endpoint)
    assert subscriber_endpoints(None, None) == every
    run("west")
    assert subscriber_endpoints(east.hub_endpoint, None) == every
    assert subscriber_endpoints(east.hub_endpoint, "ipc:///other").replay == "ipc:///other"
    elsewhere = Endpoints("ipc:///elsewhere", None, None)
    assert subscriber_endpoints("ipc:///elsewhere", None) == elsewhere
