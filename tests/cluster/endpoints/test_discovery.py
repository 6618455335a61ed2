"""Everybody who looks for a local cluster finds the same one, or the same error."""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from cluster.cli.options import running_cluster
from cluster.config.checks import broker_endpoint
from cluster.config.loading import load
from cluster.control import ControlClient
from cluster.endpoints import registry
from cluster.endpoints.discovery import (
    Endpoints,
    HubsFollowed,
    find_cluster,
    subscriber_endpoints,
)
from cluster.endpoints.paths import Running, cluster_paths
from cluster.errors import ClusterError, ConfigError, NotRunningError
from cluster.subscriber import Subscriber

Run = Callable[..., Running]


def a_cluster(name: str, folder: Path) -> Running:
    return Running(
        name=name, pid=1, started_at=1.0, state_dir=str(folder),
        control_endpoint=f"ipc:///{name}/control", hub_endpoint=f"ipc:///{name}/events",
        replay_endpoint=f"ipc:///{name}/replay",
    )  # fmt: skip


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """Let a cluster of this name look as if it ran: it holds its lock."""
    monkeypatch.setenv("DCGW_STATE_DIR", str(tmp_path))
    monkeypatch.setenv("DCGW_RUNTIME_DIR", str(tmp_path / "runtime"))
    for variable in ("DCGW_NAME", "DCGW_CONFIG"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.chdir(tmp_path)
    held = []

    def run(name: str, elsewhere: Path | None = None) -> Running:
        folder = (elsewhere or tmp_path) / name
        folder.mkdir(parents=True)
        if elsewhere is not None:
            registry.enter(cluster_paths(name, state_dir=folder))
        running = a_cluster(name, folder)
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
    every = Endpoints(
        (east.hub_endpoint,), east.replay_endpoint, east.control_endpoint, Path(east.state_dir)
    )
    assert subscriber_endpoints(None, None) == every
    run("west")
    assert subscriber_endpoints(east.hub_endpoint, None) == every
    assert subscriber_endpoints(east.hub_endpoint, "ipc:///other").replay == "ipc:///other"
    elsewhere = Endpoints(("ipc:///elsewhere",), None, None)
    assert subscriber_endpoints("ipc:///elsewhere", None) == elsewhere


def write(running: Running) -> None:
    """Say of a cluster what it says once it was started again."""
    file = Path(running.state_dir) / "running.json"
    draft = file.with_suffix(".new")
    draft.write_bytes(msgspec.json.encode(running))
    draft.replace(file)


def test_the_first_of_several_hubs_stands_for_all(run: Run) -> None:
    east = run("east")
    hubs = ["ipc:///east/events", "ipc:///east/events-1"]
    write(msgspec.structs.replace(east, hub_endpoints=hubs))
    for given in (None, hubs[0], hubs):
        assert subscriber_endpoints(given, None).events == tuple(hubs)
    assert subscriber_endpoints(hubs[1], None) == Endpoints((hubs[1],), None, None)
    elsewhere = ["ipc:///west/events", "ipc:///west/events-1"]
    assert subscriber_endpoints(elsewhere, None).events == tuple(elsewhere)


def test_that_a_cluster_was_started_with_other_hubs_is_noticed(run: Run) -> None:
    east = run("east")
    followed = HubsFollowed(Path(east.state_dir))
    assert followed.renewed() == east.hubs
    assert followed.renewed() == ()
    write(msgspec.structs.replace(east, hub_endpoints=["a", "b"]))
    assert followed.renewed() == ("a", "b")
    assert followed.renewed() == ()
    file = Path(east.state_dir) / "running.json"
    file.unlink()
    assert followed.renewed() == (), "it was stopped"
    file.write_bytes(b"rubbish")
    assert followed.renewed() == ()
    write(east)
    assert followed.renewed() == east.hubs


ELSEWHERE = "state_dir of its configuration"


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """Where the configuration of a cluster keeps its state, of which nobody else knows."""
    return tmp_path / ELSEWHERE


async def _subscribed(**options: Any) -> tuple[str, ...]:
    """Where a Subscriber goes."""
    subscriber = Subscriber(**options)
    with pytest.MonkeyPatch.context() as patch:
        gone: list[tuple[str, ...]] = []

        def reader(*given: Any, **named: Any) -> None:
            gone.append(given[1])
            raise ClusterError("this is as far as it goes")

        patch.setattr("cluster.subscriber.subscriber.HubReader", reader)
        with pytest.raises(ClusterError, match="as far as it goes"):
            await subscriber.__aenter__()
        return gone[0]


def test_one_whose_configuration_keeps_its_state_elsewhere_is_found(
    run: Run, elsewhere: Path
) -> None:
    east = run("east", elsewhere)
    assert running_cluster(None, None) == east
    assert ControlClient.find().endpoint == east.control_endpoint
    assert asyncio.run(_subscribed()) == east.hubs


def test_a_broker_is_found_by_its_name_too(run: Run, elsewhere: Path) -> None:
    env = dict(os.environ)
    before = broker_endpoint("east", env)
    assert before == cluster_paths("east", env).control, "it may be started later"
    assert run("east", elsewhere).control_endpoint == broker_endpoint("east", env) != before


def test_a_configuration_says_which_of_several_is_meant(
    run: Run, elsewhere: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    east, west = run("east", elsewhere), run("west")
    file = tmp_path / "east.toml"
    file.write_text('name = "east"\nshards = "not checked here"\n')
    assert ControlClient.find(config=file).endpoint == east.control_endpoint
    assert asyncio.run(_subscribed(config=str(file))) == east.hubs
    monkeypatch.setenv("DCGW_CONFIG", str(file))
    assert ControlClient.find().endpoint == east.control_endpoint
    assert asyncio.run(_subscribed()) == east.hubs
    assert ControlClient.find("west").endpoint == west.control_endpoint
    with pytest.raises(ConfigError, match="does not exist"):
        Subscriber(config=tmp_path / "none.toml")


def test_a_configuration_s_folders_are_looked_into(run: Run, tmp_path: Path) -> None:
    """It ran before there was a registry, or could write none."""
    east = run("east")
    file = tmp_path / "east.toml"
    file.write_text(f'state_dir = "{tmp_path}"\n')
    env = {"DCGW_RUNTIME_DIR": str(tmp_path / "runtime"), "DCGW_STATE_DIR": "/nowhere"}
    with pytest.raises(NotRunningError):
        find_cluster(env=env)
    del env["DCGW_STATE_DIR"]
    assert ControlClient.find(env=env, config=file).endpoint == east.control_endpoint


def test_what_runs_no_more_is_not_found_and_its_entry_goes(
    run: Run, elsewhere: Path, tmp_path: Path
) -> None:
    killed = cluster_paths("killed", state_dir=elsewhere / "killed")
    registry.enter(killed)
    killed.state_dir.mkdir(parents=True)
    killed.running.write_bytes(msgspec.json.encode(a_cluster("killed", killed.state_dir)))
    folder = tmp_path / "runtime" / registry.FOLDER
    assert len(list(folder.iterdir())) == 1
    with pytest.raises(NotRunningError):
        find_cluster()
    east = run("east", elsewhere)
    assert find_cluster() == east
    (entry,) = folder.iterdir()
    assert entry.name.startswith("east-")
    registry.leave([entry])
    with pytest.raises(NotRunningError):
        find_cluster()


def test_others_that_run_keep_their_entries(run: Run, elsewhere: Path) -> None:
    assert run("east", elsewhere) != run("west", elsewhere) == find_cluster("west")
    assert find_cluster("east").name == "east"


def test_one_that_ends_just_now_is_left_out_without_a_word(
    run: Run, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run("east")
    (tmp_path / "east" / "running.json").unlink()
    with pytest.raises(NotRunningError):
        find_cluster()
    run("west", tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "west" / "running.json").unlink()
    with pytest.raises(NotRunningError):
        find_cluster()
    assert caplog.text == ""


@pytest.mark.parametrize("mode", [0o770, 0o707])
def test_a_registry_that_others_can_write_to_is_not_looked_at(
    mode: int, run: Run, elsewhere: Path, tmp_path: Path
) -> None:
    run("east", elsewhere)
    folder = tmp_path / "runtime" / registry.FOLDER
    folder.chmod(mode)
    assert registry.state_folders() == []
    folder.chmod(0o700)
    assert registry.state_folders() == [elsewhere / "east"]
    (tmp_path / "runtime").chmod(0o777)  # another could be put in its place
    assert registry.state_folders() == []


def test_entries_that_are_none(run: Run, elsewhere: Path, tmp_path: Path) -> None:
    run("east", elsewhere)
    folder = tmp_path / "runtime" / registry.FOLDER
    (folder / "link").symlink_to(next(folder.iterdir()))
    (folder / "folder").mkdir()
    os.mkfifo(folder / "pipe")
    wrong = {"empty": b"", "relative": b"east", "nul": b"/a\0b", "long": b"/" * 5000}
    for name, data in wrong.items():
        (folder / name).write_bytes(data)
    assert registry.state_folders() == [elsewhere / "east"]
    assert [one.name for one in registry.runtime_roots({})][-1] == f"dcgw-{os.getuid()}"


def test_a_user_without_a_home_is_told_what_to_do(
    run: Run, elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A uid without a line in passwd, in a container. What runs is found all the same."""

    def nobody(uid: int) -> None:
        raise KeyError(uid)

    for variable in ("HOME", "DCGW_STATE_DIR", "XDG_STATE_HOME"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr("pwd.getpwuid", nobody)
    for find in FINDERS:
        with pytest.raises(NotRunningError):
            find()
    with pytest.raises(ConfigError, match=r"has no home folder: .* set DCGW_STATE_DIR"):
        cluster_paths("default")
    with pytest.raises(ConfigError, match="nothing names the home folder"):
        load(env={"DCGW_TOKEN_FILE": "~/token"}).spec()
    east = run("east", elsewhere)
    assert ControlClient.find().endpoint == east.control_endpoint
