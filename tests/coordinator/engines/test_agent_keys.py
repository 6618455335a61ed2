"""The keys of agents on Ray, in the folder that the gates read."""

from __future__ import annotations

from pathlib import Path

import pytest

from cluster.endpoints.curve_keys import KeyFolder, pair
from cluster.errors import ConfigError
from coordinator.engines.ray_placement.agent_keys import AgentKeys


@pytest.fixture
def folder(tmp_path: Path) -> KeyFolder:
    return KeyFolder(tmp_path / "keys")


@pytest.fixture
def keys(folder: KeyFolder) -> AgentKeys:
    return AgentKeys(folder, lambda: 1_700_000_000.5)


def test_an_agent_is_let_in_as_a_host_and_nothing_else(folder: KeyFolder, keys: AgentKeys) -> None:
    public, secret = pair()
    server = keys.server()
    assert keys.admit("ray-0", public)
    assert not keys.admit("ray-0", public)
    (client,) = folder.clients()
    assert (client.name, client.public, client.may) == ("ray-0", public, ("host",))
    assert client.added == 1_700_000_000
    assert keys.server() == server == folder.server().public
    assert not [file for file in folder.folder.iterdir() if secret in file.read_text()]


def test_a_new_key_takes_the_place_of_the_one_before(folder: KeyFolder, keys: AgentKeys) -> None:
    folder.add("bot", ("status",), 1)
    keys.admit("ray-0", pair()[0])
    keys.admit("ray-1", pair()[0])
    public = pair()[0]
    assert keys.admit("ray-0", public)
    assert {one.name for one in folder.clients()} == {"bot", "ray-0", "ray-1"}
    assert [one.public for one in folder.clients() if one.name == "ray-0"] == [public]


def test_a_name_that_somebody_gave_away_is_left_to_them(folder: KeyFolder, keys: AgentKeys) -> None:
    folder.add("ray-0", ("control", "host"), 1)
    before = folder.clients()
    with pytest.raises(ConfigError, match="ray-0"):
        keys.admit("ray-0", pair()[0])
    assert keys.sweep(()) == []
    assert folder.clients() == before


def test_keys_of_agents_that_are_gone_go_too(folder: KeyFolder, keys: AgentKeys) -> None:
    for name in ("host-1", "ray-x", "ray-01"):
        folder.add(name, ("host",), 1)
    for number in range(3):
        keys.admit(f"ray-{number}", pair()[0])
    assert keys.sweep({"ray-1"}) == ["ray-0", "ray-2"]
    assert {one.name for one in folder.clients()} == {"host-1", "ray-x", "ray-01", "ray-1"}
