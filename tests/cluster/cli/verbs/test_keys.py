"""``dcgw-cluster keys``, and what other verbs say of keys."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from cluster.cli.verbs.keys import endpoints
from cluster.config.cluster_config import ClusterConfig
from cluster.config.keys import TcpConfig
from cluster.endpoints.curve_keys import Client, ClientKeys, KeyFolder
from cluster.endpoints.paths import cluster_paths
from cluster.errors import ConfigError

Run = Callable[..., Result]
HOSTS = ("CONTROL", "EVENTS", "REPLAY")
TCP = {"DCGW_TCP_EVENTS": "tcp://0.0.0.0:7311", "DCGW_TCP_CONTROL": "tcp://[::]:7313"}


def folder(name: str = "default") -> KeyFolder:
    return KeyFolder(cluster_paths(name, os.environ).keys)


def test_a_key_is_made_listed_and_removed(dcgw: Run, home: Path) -> None:
    done = dcgw("keys", "add", "bot", "--host", "gw.example.org", **TCP)
    assert (done.exit_code, done.stderr) == (0, "")
    assert "bot may subscribe, replay at default. Its file" in done.stdout
    made = ClientKeys.read(home / "bot.key")
    assert stat.S_IMODE((home / "bot.key").stat().st_mode) == 0o600
    assert made.secret not in done.output
    ends = (made.events, made.replay, made.control)
    assert ends == ("tcp://gw.example.org:7311", "", "tcp://gw.example.org:7313")

    done = dcgw("keys", "add", "ops", "--may", "status", "--may", "identify", "--out", "o.key")
    assert done.exit_code == 0
    assert "nothing is offered over TCP yet" in done.stderr
    listed = dcgw("keys", "list")
    assert [line.split()[0] for line in listed.stdout.splitlines()] == ["name", "bot", "ops"]
    assert "status, identify" in listed.stdout
    assert made.public in listed.stdout
    rows = json.loads(dcgw("keys", "list", "--json").stdout)
    assert [(row["name"], row["may"]) for row in rows] == [
        ("bot", []),
        ("ops", ["status", "identify"]),
    ]
    for said in (listed.output, json.dumps(rows)):
        assert made.secret not in said

    assert dcgw("keys", "remove", "bot").exit_code == 0
    assert [client.name for client in folder().clients()] == ["ops"]
    gone = dcgw("keys", "remove", "bot")
    assert (gone.exit_code, "there is no key named 'bot'" in gone.stderr) == (2, True)


def test_a_secret_is_printed_only_when_asked_for(dcgw: Run, home: Path) -> None:
    done = dcgw("keys", "add", "bot", "--out", "-", "--name", "east")
    assert json.loads(done.stdout)["name"] == "bot"
    assert list(home.glob("*.key")) == []
    assert [client.name for client in folder("east").clients()] == ["bot"]
    assert folder().clients() == []


def test_what_is_there_is_not_written_over(dcgw: Run, home: Path) -> None:
    (home / "bot.key").write_text("somebody's")
    done = dcgw("keys", "add", "bot")
    assert (done.exit_code, "bot.key exists" in done.stderr) == (1, True)
    assert (home / "bot.key").read_text() == "somebody's"
    done = dcgw("keys", "add", "bot", "--out", "no/such/folder/bot.key")
    assert (done.exit_code, "can't be written" in done.stderr) == (1, True)
    assert folder().clients() == [], "a key that nobody has is not known"


@pytest.mark.parametrize("name", ["", "../bot", "a b", "-x", "a" * 33, "ä", "a/b"])
def test_names_are_plain(name: str, dcgw: Run, home: Path) -> None:
    assert dcgw("keys", "add", "--", name).exit_code == 2
    assert list(home.rglob("*.key")) == []


def test_renewed_server_keys_void_all(dcgw: Run, home: Path) -> None:
    dcgw("keys", "add", "bot")
    before = folder().server()
    done = dcgw("keys", "renew")
    assert "The server has new keys" in done.stdout
    assert folder().server() != before
    assert folder().clients() == []
    assert "No keys in" in dcgw("keys", "list").stdout


def test_a_mistake_elsewhere_keeps_nobody_from_removing_a_key(dcgw: Run, home: Path) -> None:
    dcgw("keys", "add", "bot")
    (home / "cluster.toml").write_text('shards = "many"\n')
    assert dcgw("keys", "remove", "bot").exit_code == 0


def test_where_a_client_finds_it() -> None:
    config = ClusterConfig(
        tcp=TcpConfig(events="tcp://0.0.0.0:1", replay="tcp://10.0.0.5:2", control="tcp://[::]:3")
    )
    assert endpoints(config, None) == {"events": "", "replay": "tcp://10.0.0.5:2", "control": ""}
    for host in ("::1", "[::1]"):
        assert endpoints(config, host)["control"] == "tcp://[::1]:3"
    for host in ("a b", "gw:7311", "tcp://gw"):
        with pytest.raises(ConfigError, match="--host is"):
            endpoints(config, host)


@pytest.mark.parametrize("verb", [("start", "--sandbox"), ("config", "check", "--sandbox")])
def test_tcp_without_keys_is_refused_in_one_line(verb: tuple[str, ...], dcgw: Run) -> None:
    done = dcgw(*verb, **TCP)
    assert done.exit_code == 2
    assert done.stderr.count("\n") == 1
    assert "tcp.events is set, and there are no keys in" in done.stderr
    assert "`dcgw-cluster keys add NAME --name sandbox`" in done.stderr


def test_a_server_without_clients_is_worth_a_word(dcgw: Run) -> None:
    folder("sandbox").renew()
    done = dcgw("config", "check", "--sandbox", **TCP)
    assert (done.exit_code, "no client has a key" in done.stderr) == (0, True)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("status", "--endpoint", "tcp://h:1"), "--endpoint is given without --keys"),
        (("tail", "--keys", "bot.key", "--name", "x"), "--name is for clusters on this host"),
        (("status", "--keys", "no.key"), "the key file no.key can't be read"),
        (("tail", "--keys", "bot.key"), "does not say where the cluster's events endpoint is"),
        (("status", "--keys", "bot.key"), "does not say where the cluster's control endpoint is"),
        (("tail", "--keys", "bot.key", "--endpoint", "h:1"), "'h:1'"),
        (("status", "--keys", "bot.key", "--endpoint", "tcp://*:1"), "nowhere to connect to"),
    ],
)
def test_what_does_not_go_together_is_said(words: tuple[str, ...], says: str, dcgw: Run) -> None:
    dcgw("keys", "add", "bot")
    done = dcgw(*words)
    assert done.exit_code == 2
    assert says in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_public_key_is_listed_whole_though_it_looks_like_markup(
    dcgw: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    public = "0fP{hdEOyHG^/agM[zM]vwLO^H)^:v+}L$tF9fs7"
    client = Client(name="bot", public=public, added=0)
    monkeypatch.setattr(KeyFolder, "clients", lambda self: [client])
    assert public in dcgw("keys", "list").stdout


def test_a_host_is_told_where_to_join(dcgw: Run, home: Path) -> None:
    hosts = {f"DCGW_HOSTS_{name}": f"tcp://*:732{n}" for n, name in enumerate(HOSTS)}
    done = dcgw("keys", "add", "host-3", "--may", "host", "--host", "gw.example.org", **hosts)
    assert (done.exit_code, done.stderr) == (0, "")
    assert ClientKeys.read(home / "host-3.key").hosts == "tcp://gw.example.org:7320"
    assert folder().clients()[0].may == ("host",)
    dcgw("keys", "add", "bot", "--host", "gw.example.org", **hosts)
    assert ClientKeys.read(home / "bot.key").hosts == "", "that is nothing for it"
    advertised = hosts | {"DCGW_HOSTS_ADVERTISE": "inside.example.org"}
    dcgw("keys", "add", "host-4", "--may", "host", **advertised)
    assert ClientKeys.read(home / "host-4.key").hosts == "tcp://inside.example.org:7320"
