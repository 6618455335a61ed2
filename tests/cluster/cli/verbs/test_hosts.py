"""hosts and drain against a played coordinator."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

Dcgw = Callable[..., Result]
Running = Callable[..., subprocess.Popen[bytes]]


def test_hosts(running: Running, dcgw: Dcgw) -> None:
    running(hosts=3)
    shown = dcgw("hosts").output
    words = " ".join(shown.split())
    assert words.startswith("sandbox 1 of 3 hosts is here host host-2 is away, not heard of for 18")
    assert "host host-3 is gone, not heard of for 1 min 35 s" in words
    head, one, two, three = (line.split() for line in shown.splitlines()[-4:])
    assert head[:2] == ["host", "state"]
    assert one[:2] == ["host-1", "here"]
    assert "4/4" in one
    assert " ".join(two[:7]) == "host-2 away, given up in 12 s"
    assert three[:2] == ["host-3", "gone"]


def test_as_json(running: Running, dcgw: Dcgw) -> None:
    running(hosts=3)
    rows = json.loads(dcgw("hosts", "--json").output)
    assert [(row["name"], row["state"]) for row in rows] == [
        ("host-1", "here"), ("host-2", "away"), ("host-3", "gone"),
    ]  # fmt: skip
    assert rows[0]["disk_free_bytes"] == 5 << 30
    assert rows[1]["disk_free_bytes"] is None


def test_a_cluster_without_hosts_says_so(running: Running, dcgw: Dcgw) -> None:
    running()
    result = dcgw("hosts")
    assert result.exit_code == 0
    assert result.output.startswith("sandbox: no host has joined: workers run")
    assert json.loads(dcgw("hosts", "--json").output) == []


@pytest.mark.parametrize("undo", [False, True])
def test_drain(undo: bool, running: Running, dcgw: Dcgw, home: Path) -> None:
    running(hosts=3, seen=str(home / "seen"))
    result = dcgw("drain", "host-1", *["--undo"] * undo)
    assert result.exit_code == 0, result.output
    assert result.stdout == "sandbox: 4 shards were moved.\n"
    asked = [json.loads(line) for line in (home / "seen").read_text().splitlines()]
    assert {"verb": "drain", "args": {"host": "host-1", "undo": undo}} in asked


def test_drain_wants_a_name(dcgw: Dcgw) -> None:
    assert dcgw("drain").exit_code == 2


@pytest.mark.parametrize("verb", ["hosts", "drain host-1"])
def test_without_a_cluster(verb: str, dcgw: Dcgw) -> None:
    result = dcgw(*verb.split())
    assert result.exit_code == 3
    assert "no cluster is running" in result.stderr


@pytest.mark.parametrize("verb", ["hosts", "drain"])
def test_help_fits(verb: str, dcgw: Dcgw) -> None:
    result = dcgw(verb, "--help")
    assert f"dcgw-cluster {verb}" in result.output
    assert max(map(len, result.output.splitlines())) <= 80
