"""What `doctor` says of a machine, where the machine can be made up."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest

from cluster.config.coordinator_spec import CoordinatorSpec
from cluster.discord.intents import Capabilities, Intents
from cluster.doctor import Finding, local, remote
from cluster.endpoints.curve_keys import KeyFolder
from cluster.endpoints.paths import ClusterPaths
from cluster.wire import checks

MIB = 1024 * 1024


@pytest.fixture
def paths(tmp_path: Path) -> ClusterPaths:
    return ClusterPaths(name="t", state_dir=tmp_path / "state", runtime_dir=tmp_path / "run")


def plan(workers: int = 1, fullest: int = 1, *, assumed: bool = False) -> checks.StartPlan:
    return checks.StartPlan(
        shards=workers * fullest, workers=workers, fullest=fullest, assumed=assumed
    )


@pytest.mark.parametrize(("limit", "state"), [(192, "ok"), (191, "failed")])
def test_descriptors(limit: int, state: str) -> None:
    found = local.descriptors(plan(fullest=64), limit)
    assert found.state == state
    assert ("ulimit -n 192" in found.action) is (state == "failed")


def test_disk_counts_what_is_there(paths: ClusterPaths) -> None:
    assert local.disk(paths, plan(2), MIB).state in ("ok", "warning")
    assert "0 are there" in local.disk(paths, plan(2), MIB).text
    paths.journal(0).mkdir(parents=True)
    (paths.journal(0) / "data.mdb").write_bytes(b"x" * (3 * MIB))
    assert "3 are there" in local.disk(paths, plan(2), MIB).text
    found = local.disk(paths, plan(1_000_000), 1024 * MIB)
    assert found.state == "failed"
    assert "journal.bytes" in found.action


def test_a_plan_that_is_assumed_says_so_and_fails_nothing(paths: ClusterPaths) -> None:
    """Without a token nobody knows how many shards there will be."""
    found = local.descriptors(plan(fullest=64, assumed=True), 191)
    assert (found.state, "is not known" in found.text) == ("warning", True)
    assert local.disk(paths, plan(1_000_000, assumed=True), 1024 * MIB).state == "warning"


def test_which_proxy_applies_is_said() -> None:
    def said(env: dict[str, str], **keys: Any) -> Finding:
        return local.proxy(
            CoordinatorSpec(name="t", state_dir="/s", runtime_dir="/r", token="t", **keys), env
        )

    assert said({}).text == "the API and the gateway are reached directly"
    env = {"HTTPS_PROXY": "http://me:secret@proxy:3128", "NO_PROXY": "gateway.discord.gg"}
    way = "through proxy:3128 (HTTPS_PROXY)"
    assert said(env).text == f"the API is reached {way}, the gateway is reached directly"
    found = said(env, gateway_url="wss://other.example")
    assert found.text == f"the API and the gateway are reached {way}"
    found = said({"https_proxy": "http://me:secret@"})
    assert (found.state, "https_proxy is no URL" in found.text) == ("failed", True)


def test_a_file_where_a_folder_should_be(paths: ClusterPaths) -> None:
    paths.state_dir.write_text("")
    found = local.state_folder(paths)
    assert found.state == "failed"
    assert "state_dir" in found.action


def test_intents_that_are_privileged_are_named() -> None:
    def finding(intents: Intents) -> str:
        spec = CoordinatorSpec(
            name="t", state_dir="/s", runtime_dir="/r", token="t", intents=int(intents)
        )
        return local.intents(spec).text

    assert "GUILD_PRESENCES must be enabled" in finding(Intents.GUILDS | Intents.GUILD_PRESENCES)
    assert finding(Intents.GUILDS) == "none that is privileged"


def test_the_capabilities_of_a_bot_are_named() -> None:
    spec = CoordinatorSpec(
        name="t", state_dir="/s", runtime_dir="/r", token="t", capabilities=1 << 15
    )
    assert local.capabilities(spec).text == "CHANNEL_OBFUSCATION"


def test_what_is_said_of_a_user_account() -> None:
    spec = CoordinatorSpec(
        name="t", state_dir="/s", runtime_dir="/r", token="t", account="user",
        capabilities=int(Capabilities.LAZY_USER_NOTES) | 1 << 17 | 1 << 20, client_build_number=7,
    )  # fmt: skip
    said = "client build 7; LAZY_USER_NOTES, bits without a name: 17, 20"
    assert local.capabilities(spec).text == said
    answer = checks.ApiAnswer(
        gateway_url="wss://g", recommended=1, total=1000, remaining=0, reset_after_s=9,
        max_concurrency=1,
    )  # fmt: skip
    outcome = checks.Outcome(api=answer, plan=plan())
    assert "shows when the session identifies" in remote.token(outcome, spec).text
    identifies = remote.identifies(answer, plan(), spec)
    assert (identifies.state, "no limit" in identifies.text) == ("ok", True)


def test_folders_that_others_can_enter_or_replace(paths: ClusterPaths) -> None:
    paths.runtime_dir.mkdir(mode=0o700)
    assert local.sockets(paths).state == "ok"
    paths.runtime_dir.chmod(0o750)
    found = local.sockets(paths)
    assert (found.state, "mode 750" in found.text) == ("warning", True)
    assert f"chmod 700 {paths.runtime_dir}" in found.action
    paths.runtime_dir.chmod(0o700)
    paths.runtime_dir.parent.chmod(0o777)
    found = local.sockets(paths)
    assert (found.state, "everybody can write to" in found.text) == ("failed", True)
    paths.runtime_dir.parent.chmod(0o1777)
    assert local.sockets(paths).state == "ok", "as the temporary folder is"


def test_tcp_has_keys_and_free_ports(paths: ClusterPaths) -> None:
    assert local.tcp(paths, {}).state == "ok"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        offered = {"tcp.events": f"tcp://127.0.0.1:{taken.getsockname()[1]}"}
        found = local.tcp(paths, offered)
        assert (found.state, "there are no keys" in found.text) == ("failed", True)
        keys = KeyFolder(paths.keys)
        keys.renew()
        found = local.tcp(paths, offered)
        assert (found.state, "can't be bound" in found.text) == ("failed", True)
    found = local.tcp(paths, offered)
    assert (found.state, "no client has a key" in found.text) == ("warning", True)
    keys.add("bot", (), now=0)
    assert local.tcp(paths, offered).state == "ok"


def test_http_has_a_port(paths: ClusterPaths) -> None:
    assert local.http(paths, "").text == "nothing is served over HTTP"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        found = local.http(paths, listen)
        assert (found.state, "http.listen" in found.text) == ("failed", True)
    assert local.http(paths, listen).text == f"at {listen}"
    assert local.http(paths, "auto").state == "ok"  # the usual one, or the next that is free


def test_the_proxy_has_a_port(paths: ClusterPaths) -> None:
    assert local.bots(paths, "").state == "ok"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        found = local.bots(paths, listen)
        assert (found.check, found.state) == ("bots", "failed")
        assert "proxy.listen" in found.text
    assert local.bots(paths, listen).text == f"at {listen}"
