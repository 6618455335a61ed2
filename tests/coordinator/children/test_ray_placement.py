"""What the process is told that has Ray place agents. (It runs in tests/on_ray.)"""

from __future__ import annotations

from pathlib import Path

import msgspec

from cluster.config.coordinator_spec import CoordinatorSpec
from cluster.config.keys import HostsConfig, RayConfig
from cluster.endpoints.curve_keys import KeyFolder
from coordinator.children.ray_placement import RayPlacementProcess, placement_spec

STORE = "0123456789abcdef"


def spec(folder: Path) -> CoordinatorSpec:
    return CoordinatorSpec(
        name="mybot",
        state_dir=str(folder / "state"),
        runtime_dir=str(folder / "run"),
        token="a secret",
        engine="ray",
        hosts=HostsConfig(control="tcp://*:7321", advertise="here.example"),
        ray=RayConfig(address="ray://head:10001", labels={"pool": "a"}),
    )


def test_it_is_told_where_agents_join_and_no_secret(tmp_path: Path) -> None:
    KeyFolder(tmp_path / "state" / "keys").add("bot", (), 1)
    data = placement_spec(spec(tmp_path), STORE)
    told = msgspec.json.decode(data)
    assert told["join"] == "tcp://here.example:7321"
    assert told["ray"]["labels"] == {"pool": "a"}
    assert told["keys"] == str(tmp_path / "state" / "keys")
    server = KeyFolder(tmp_path / "state" / "keys").server()
    assert b"a secret" not in data
    assert server.secret.encode() not in data


def test_clusters_of_one_name_are_apart_by_their_stores(tmp_path: Path) -> None:
    told = [
        msgspec.json.decode(placement_spec(spec(tmp_path), store))["namespace"]
        for store in (STORE, STORE[::-1])
    ]
    assert told == ["dcgw-mybot-01234567", "dcgw-mybot-fedcba98"]


def test_the_host_gate_finds_keys(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    child = RayPlacementProcess(spec(tmp_path), STORE, lambda: 0.0, 1.0)
    assert KeyFolder(tmp_path / "state" / "keys").server().public
    child.remove_agents()  # it does not run: there is nobody to tell
