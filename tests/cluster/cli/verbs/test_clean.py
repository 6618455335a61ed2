"""clean: what a stopped cluster left goes, and nothing else."""

from __future__ import annotations

import fcntl
import os
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from cluster.cli.leftovers import leftovers
from cluster.endpoints.curve_keys import KeyFolder
from cluster.endpoints.folders import make_private
from cluster.endpoints.paths import ClusterPaths, cluster_paths, host_paths, is_held
from cluster.journal import other_slots

Dcgw = Callable[..., Result]
Running = Callable[..., subprocess.Popen[bytes]]

OWN = (
    "coordinator.lock", "running.json", "ca.pem", "checkpoints",
    "store.sqlite", "store.sqlite-wal", "store.sqlite-shm",
    "journal/reading", "journal/slot-0/data.mdb", "journal/slot-0/lock.mdb",
    "journal/slot-0/journal.json", "journal/slot-0/owner.lock", "journal/slot-0/died.txt",
    f"journal/slot-0/{other_slots.NOTE}", "journal/slot-12/aside-data.mdb",
    "journal/slot-12/journal.json.4711",
    "logs/coordinator.log", "logs/coordinator.log.3", "logs/worker-12.log", "logs/replay.log.1",
    "logs/hub-1.log", "logs/host-gate.log", "logs/host.log", "logs/ray.log",
    "logs/cache.log", "cache/data.mdb", "cache/lock.mdb", "cache/owner.lock",
    "cache/cache.json", "cache/died.txt", "cache/aside-data.mdb", "cache/cache.json.4711",
    "logs/proxy-0.log", "logs/proxy-12.log.1", "proxy/requests.db", "proxy/requests.db-wal",
    "proxy/sessions.sqlite3", "proxy/sessions.sqlite3-shm", "proxy/0123456789abcdef.lock",
    "proxy/aside-sessions.sqlite3-wal",
)  # fmt: skip
SOCKETS = ("control", "c12", "events", "hub-3")
"""Sockets, and what was to become one in the place of one."""
MIB = 1 << 20


def left(name: str = "sandbox", where: ClusterPaths | None = None) -> ClusterPaths:
    """Make what a cluster of this name leaves, or a host: two MiB of journal, and the rest."""
    where = where or cluster_paths(name)
    for path in OWN:
        file = where.state_dir / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"x" * (2 * MIB if path.endswith("slot-0/data.mdb") else 100))
    make_private(where.runtime_dir)
    for name in SOCKETS:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(str(where.runtime_dir / name))
    where.sandbox_env.write_text("export DISCORD_TOKEN=x")
    return where


def test_all_that_a_cluster_left_is_removed_after_asking(dcgw: Dcgw, home: Path) -> None:
    where = left()
    result = dcgw("clean", input="y\n")
    assert result.exit_code == 0, result.output
    assert f"sandbox left 2.2 MiB in {where.state_dir}:" in result.output
    assert "  journals    2.0 MiB  events that a subscriber missed" in result.output
    assert "Remove it? [y/N]: y" in result.output
    assert result.output.splitlines()[-1] == "Removed: 2.2 MiB freed."
    assert not where.state_dir.exists()
    assert not where.runtime_dir.exists()
    assert (home / "state").exists()


def test_nothing_is_removed_without_a_yes(dcgw: Dcgw) -> None:
    where = left()
    for answer in ("n\n", "\n"):
        assert dcgw("clean", input=answer).output.splitlines()[-1] == "Nothing was removed."
    assert dcgw("clean").exit_code == 1  # nobody answers
    assert all((where.state_dir / path).exists() for path in OWN)


def test_what_the_agent_of_a_host_left_is_removed_by_the_name_of_the_host(dcgw: Dcgw) -> None:
    where, cluster = left(where=host_paths("host-1")), left()
    assert "give --name, one of: hosts/host-1, sandbox" in dcgw("clean", "--yes").output
    with where.lock.open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        refused = dcgw("clean", "--name", "hosts/host-1", "--yes").output
    assert (
        refused
        == "Error: the agent of host 'host-1' is running: end it first: Ctrl-C, or SIGTERM\n"
    )
    result = dcgw("clean", "--name", "hosts/host-1", "--yes")
    assert result.output.startswith("The host host-1 left 2.2 MiB in ")
    assert not where.state_dir.exists()
    assert not where.runtime_dir.exists()
    assert cluster.state_dir.exists()


def test_a_running_cluster_is_refused_in_one_line(dcgw: Dcgw, running: Running) -> None:
    running("sandbox")
    result = dcgw("clean", "--yes")
    assert result.exit_code == 4
    assert result.output == (
        "Error: the cluster 'sandbox' is running: "
        "stop it first: `dcgw-cluster stop --name sandbox`\n"
    )
    assert dcgw("status").exit_code == 0


def test_a_cluster_whose_worker_still_runs_is_refused(dcgw: Dcgw) -> None:
    where = left()
    fd = os.open(where.journal(12) / "owner.lock", os.O_RDWR | os.O_CREAT)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        result = dcgw("clean", "--yes")
    finally:
        os.close(fd)
    assert result.exit_code == 4
    assert "worker 12 of the cluster 'sandbox' is still running" in result.output
    assert where.store.exists()
    assert not is_held(where.lock)


def test_what_the_cluster_did_not_write_is_kept_and_named(dcgw: Dcgw) -> None:
    where = left()
    notes = [
        where.state_dir / "token", where.logs / "notes.txt", where.journal(0) / "data.mdb.bak",
        where.journals / "old" / "data.mdb", where.runtime_dir / "notes",
    ]  # fmt: skip
    for file in notes:
        file.parent.mkdir(exist_ok=True)
        file.write_text("mine")
    result = dcgw("clean", "--yes")
    assert result.exit_code == 0
    assert all(file.read_text() == "mine" for file in notes)
    for file in (*notes[:3], notes[3].parent, notes[4]):
        assert f"Kept, since no cluster wrote it: {file}\n" in result.output
    assert not where.store.exists()
    assert not where.journal(12).exists()


def test_keys_are_kept_unless_they_are_asked_for(dcgw: Dcgw) -> None:
    where = left()
    KeyFolder(where.keys).add("bot", (), 0)
    result = dcgw("clean", "--yes")
    assert f"Kept: the keys in {where.keys} (--keys removes them).\n" in result.output
    assert "every client" not in result.output
    assert [client.name for client in KeyFolder(where.keys).clients()] == ["bot"]
    where.lock.touch()  # another run of the cluster
    result = dcgw("clean", "--yes", "--keys")
    assert "every client on another host needs a new key" in result.output
    assert not where.state_dir.exists()


def test_no_link_is_followed(dcgw: Dcgw, home: Path) -> None:
    where = left()
    elsewhere = home / "elsewhere"
    (elsewhere / "slot-0").mkdir(parents=True)
    treasures = [elsewhere / "slot-0" / "data.mdb", elsewhere / "coordinator.log"]
    for file in treasures:
        file.write_text("of another disk")
    slot = where.journals / "slot-7"
    slot.symlink_to(elsewhere / "slot-0")
    log = where.logs / "coordinator.log.1"
    log.symlink_to(treasures[1])
    result = dcgw("clean", "--yes")
    assert result.exit_code == 0
    assert all(file.read_text() == "of another disk" for file in treasures)
    assert slot.is_symlink()
    assert log.is_symlink()
    assert f"Kept, since no cluster wrote it: {slot}\n" in result.output


def test_a_state_folder_that_is_a_link_is_nobodys(dcgw: Dcgw, home: Path) -> None:
    where = left("other")
    target = home / "moved"
    where.state_dir.rename(target)
    where.state_dir.symlink_to(target)
    assert "no cluster left anything" in dcgw("clean", "--yes").output
    assert "no cluster named 'other' left anything" in dcgw("clean", "--name", "other").output
    assert (target / "store.sqlite").exists()


@pytest.mark.parametrize("name", ["../east", "/", "", "west "])
def test_a_name_is_no_path(name: str, dcgw: Dcgw) -> None:
    where = left("east")
    assert dcgw("clean", "--yes", "--name", name).exit_code != 0
    assert where.store.exists()


def test_several_need_a_name_whatever_the_configuration_says(dcgw: Dcgw, home: Path) -> None:
    east, west = left("east"), left("west")
    (home / "cluster.toml").write_text('name = "east"\n')
    result = dcgw("clean", "--yes")
    assert result.exit_code == 1
    assert "give --name, one of: east, west" in result.output
    assert dcgw("clean", "--yes", "--name", "west").exit_code == 0
    assert east.store.exists()
    assert not west.state_dir.exists()


def test_the_every_file_of_a_cluster_is_known() -> None:
    """A file that is not known would be kept for ever."""
    where = left()
    found = leftovers(where)
    assert not found.foreign
    assert {one.path for one in found.own if not one.is_folder} == {
        *(where.state_dir / path for path in OWN),
        *(where.runtime_dir / name for name in SOCKETS),
        where.sandbox_env,
    }  # fmt: skip
