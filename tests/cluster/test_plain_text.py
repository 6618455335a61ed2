"""What nobody sees in files and variables, in every value that is read from them."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.config.loading import load, locate
from cluster.endpoints.paths import cluster_paths, runtime_root, state_root
from cluster.errors import ConfigError
from cluster.plain_text import trimmed, unseen
from shard_worker.client.arguments import addresses


@given(st.text())
def test_what_is_trimmed_begins_and_ends_with_what_is_seen(text: str) -> None:
    left = trimmed(text)
    assert left in text
    assert trimmed(left) == left
    assert not unseen(left[:1] + left[-1:])
    assert left == trimmed(f"\ufeff {text}\r\n\u200b")


def test_a_carriage_return_in_a_variable_is_no_part_of_a_path(tmp_path: Path) -> None:
    """As a file of variables has it that was written on Windows."""
    env = {"DCGW_RUNTIME_DIR": f"{tmp_path}/run\r", "DCGW_STATE_DIR": f"\ufeff{tmp_path}/state\r\n"}
    assert (runtime_root(env), state_root(env)) == (tmp_path / "run", tmp_path / "state")
    loaded = load(env=env | {"DCGW_SHARDS": "4\r", "DCGW_TOKEN": "t\r"})
    assert loaded.paths == cluster_paths("default", loaded.environment)
    assert "\r" not in str(loaded.paths)
    assert loaded.spec()[0].shards == "4"
    assert locate(env=env)[1]["DCGW_RUNTIME_DIR"] == f"{tmp_path}/run"
    xdg = {"XDG_RUNTIME_DIR": f"{tmp_path}\r", "XDG_STATE_HOME": f"{tmp_path}\r"}
    assert runtime_root(xdg) == tmp_path / "dcgw"
    assert state_root(xdg) == tmp_path / "dcgw-cluster"


@pytest.mark.parametrize("name", ["DCGW_RUNTIME_DIR", "DCGW_SHARDS", "DCGW_API_URL", "DCGW_CONFIG"])
def test_quotes_that_nobody_took_away_are_named(name: str) -> None:
    with pytest.raises(ConfigError, match=f"the value of {name} stands in quotes: take them out"):
        load(env={name: '"/run/dcgw"'})


def test_the_configuration_s_file_that_a_variable_names(tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text('name = "mine"')
    assert load(env={"DCGW_CONFIG": f"{tmp_path}/c.toml\r"}).config.name == "mine"


def test_values_of_the_file(tmp_path: Path) -> None:
    file = tmp_path / "cluster.toml"
    file.write_text('state_dir = "/var/lib/dcgw\u200b"')
    with pytest.raises(ConfigError, match=r"state_dir in cluster\.toml holds .* seen \(U\+200B\)"):
        load(file=file, env={})


@pytest.mark.parametrize("character", ["\r", "\n", "\t", "\u200b", "\u00a0"])
def test_what_nobody_sees_in_the_midst_of_a_url_is_named(character: str) -> None:
    """Some of these are passed over by Python's own reader of URLs, and not by libcurl's."""
    url = f"https://discord{character}.com/api"
    with pytest.raises(ConfigError, match=rf"api_url .*holds .* seen \(U\+{ord(character):04X}\)"):
        load(env={"DCGW_API_URL": url})
    with pytest.raises(ConfigError, match="api_url holds"):
        addresses(url, None, None)


def test_a_client_s_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DCGW_API_URL", "https://api.example/api\r")
    monkeypatch.setenv("DCGW_GATEWAY_URL", "wss://gateway.example\r")
    monkeypatch.setenv("DCGW_CA_FILE", "\r")
    assert addresses(None, None, None) == ("https://api.example/api", "wss://gateway.example", "")


def test_a_file_of_another_encoding(tmp_path: Path) -> None:
    file = tmp_path / "cluster.toml"
    file.write_bytes('\ufeffname = "mine"\r\n'.encode())
    assert load(file=file, env={}).config.name == "mine"
    for encoding in ("utf-16", "utf-16-le", "utf-16-be"):
        file.write_bytes('name = "mine"'.encode(encoding))
        with pytest.raises(ConfigError, match=r"cluster\.toml is UTF-16 text: save it as UTF-8"):
            load(file=file, env={})
    file.write_bytes('name = "bür"'.encode("latin-1"))
    with pytest.raises(ConfigError, match=r"cluster\.toml is not UTF-8 text \(byte 10\)"):
        load(file=file, env={})
