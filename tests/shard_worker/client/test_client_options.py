"""Bad arguments of GatewayClient.connect are refused by name, before anything is sent."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest

from cluster.discord import gateway_bot
from cluster.discord.gateway_bot import GatewayInfo
from cluster.discord.intents import ALL_CAPABILITIES, Intents
from cluster.errors import ClusterError, ConfigError
from shard_worker import GatewayClient, Resumable
from shard_worker.client.options import Options

TOKEN = "made.up.token"
SESSION = Resumable("a-secret", "wss://h", 7, 2)


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DCGW_API_URL", "DCGW_GATEWAY_URL", "DCGW_CA_FILE"):
        monkeypatch.delenv(name, raising=False)


def made(**given: Any) -> Options:
    chosen = {} if "capabilities" in given else {"intents": 0}
    return GatewayClient.connect(**({"token": TOKEN} | chosen | given)).options


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"token": ""}, "argument token holds no token"),
        ({"token": "Bot "}, "argument token holds no token"),
        ({"token": "two words"}, "argument token has spaces in it"),
        ({"token": 7}, "argument token holds no token"),
        ({"intents": "guild_mesages"}, "intents names 'guild_mesages': did you mean"),
        ({"intents": -1}, "intents is -1"),
        ({"intents": None}, "neither intents nor capabilities"),
        ({"capabilities": 0}, "client_build_number is not set"),
        ({"capabilities": "default"}, "client_build_number is not set"),
        ({"capabilities": "default", "client_build_number": "5"}, "client_build_number is '5'"),
        ({"capabilities": "default", "client_build_number": -1}, "client_build_number is -1"),
        ({"capabilities": "lazy_user_note", "client_build_number": 1}, "capabilities names"),
        ({"intents": 1, "capabilities": 1, "client_build_number": 1}, "client_build_number are"),
        ({"intents": 1, "capabilities": "channels"}, "capabilities names"),
        ({"intents": 1, "client_build_number": 1}, "intents and client_build_number"),
        ({"subscribe_guilds": "all"}, "subscribe_guilds is given with intents"),
        (
            {"capabilities": 1, "client_build_number": 1, "subscribe_guilds": ["x"]},
            "subscribe_guilds names",
        ),
        ({"shard": (1, 1)}, r"shard is \(1, 1\)"),
        ({"shard": (-1, 1)}, "shard is"),
        ({"shard": "01"}, "shard is"),
        ({"shard": (0, 10**9)}, "shard is"),
        ({"shard": 3}, "shard is 3"),
        ({"capabilities": 1, "client_build_number": 1, "shard": (0, 1)}, "shard is .* never"),
        ({"large_threshold": 49}, "large_threshold is 49"),
        ({"queue_events": 0}, "queue_events is 0"),
        ({"compress": "gzip"}, "compress is 'gzip'"),
        ({"api_version": 8}, "api_version is 8"),
        ({"presence": {"note": "x" * 5000}}, "presence is"),
        ({"api_url": "http://discord.com/api"}, "api_url is .* unencrypted"),
        ({"gateway_url": "https://gateway.discord.gg"}, "gateway_url is"),
        ({"ca_file": "/nowhere/ca.pem"}, "ca_file /nowhere/ca.pem can't be read"),
        ({"session": b"{}"}, "session is no saved session"),
        ({"session": "no json"}, "session is no saved session"),
        ({"session": 7}, "session is no saved session"),
        ({"session": Resumable("", "", 1, 1)}, "session is no saved session"),
        ({"session": Resumable("a-secret" * 999, "", 1, 1)}, "session is no saved session"),
        ({"session": Resumable("a-secret", "", -1, 1)}, "session is no saved session"),
        ({"session": {"session_id": "a-secret"}}, "session is no saved session"),
        ({"impersonate": "netscape4"}, "impersonate is 'netscape4'"),
        # Its handshakes, and a Chrome's headers and properties: no browser is that.
        ({"impersonate": "firefox"}, "impersonate is 'firefox'"),
        ({"impersonate": "chrome131_android"}, "impersonate is 'chrome131_android'"),
        ({"impersonate": None}, "impersonate is None"),
        ({"token": "Bot a", "capabilities": 1, "client_build_number": 1}, "token begins with"),
        ({"intents": 1.5}, "intents is 1.5"),
        ({"intents": ["guilds", 2]}, "intents names 2"),
        ({"intents": b"guilds"}, "intents names"),
        ({"capabilities": [None], "client_build_number": 1}, "capabilities names null"),
        (
            {"capabilities": 1, "client_build_number": 1, "subscribe_guilds": 12.5},
            "subscribe_guilds names 12.5",
        ),
        (
            {"capabilities": 1, "client_build_number": 1, "subscribe_guilds": None},
            "subscribe_guilds names null",
        ),
        ({"presence": "dnd"}, "presence is 'dnd'"),
        ({"presence": {"status": "asleep"}}, "presence.status is 'asleep'"),
        ({"presence": {"afk": 1}}, "presence.afk is 1"),
        ({"presence": {"activities": [{}]}}, r"presence.activities\[0\].name is None"),
        ({"presence": {"extra": Path}}, "presence is no JSON"),
        ({"compress": []}, "compress is"),
        ({"api_url": 5}, "api_url is 5"),
        ({"gateway_url": 5}, "gateway_url is 5"),
    ],
    ids=str,
)
def test_a_bad_argument_is_named(given: dict[str, Any], named: str) -> None:
    with pytest.raises(ClusterError, match=named) as raised:
        made(**given)
    assert TOKEN not in str(raised.value)
    assert raised.value.action
    assert "a-secret" not in str(raised.value)


def test_an_account_is_of_one_kind() -> None:
    with pytest.raises(ConfigError, match="neither"):
        GatewayClient.connect(TOKEN)


def test_a_bot_may_have_capabilities() -> None:
    bot = made(intents=1, capabilities="channel_obfuscation").login
    assert (bot.kind, bot.intents, bot.capabilities) == ("bot", 1, 1 << 15)
    assert made(intents=1).login.capabilities == 0
    assert made(intents=1, capabilities="default").login.capabilities == 0, "a library's own"


def test_intents_and_capabilities_by_name_bits_or_names() -> None:
    both = Intents.GUILDS | Intents.GUILD_MESSAGES
    for form in (both, int(both), ["guilds", "GUILD_MESSAGES"], str(int(both))):
        assert made(intents=form).login.intents == int(both)
    user = made(capabilities="all", client_build_number=1).login
    assert (user.kind, user.capabilities) == ("user", int(ALL_CAPABILITIES))
    # A client's own: bits that no documentation names are the caller's.
    assert made(capabilities=53607934, client_build_number=369195).login.capabilities == 53607934
    assert made(capabilities="default", client_build_number=500334).login.capabilities == 1734653


def test_each_kind_speaks_its_version_of_the_api() -> None:
    assert made().login.api_version == 10
    assert made(capabilities=1, client_build_number=1).login.api_version == 9


def test_the_environment_says_where_discord_is_unless_an_argument_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "ca.pem"
    file.touch()
    assert made().api_url == "https://discord.com/api"
    monkeypatch.setenv("DCGW_API_URL", "https://localhost:1/api")
    monkeypatch.setenv("DCGW_GATEWAY_URL", "wss://localhost:2")
    monkeypatch.setenv("DCGW_CA_FILE", str(file))
    one = made()
    assert one.api_url == "https://localhost:1/api"
    assert (one.login.gateway_url, one.login.ca_file) == ("wss://localhost:2", str(file))
    two = made(api_url="https://localhost:3/api", gateway_url="", ca_file="")
    assert two.api_url == "https://localhost:3/api"
    assert (two.login.gateway_url, two.login.ca_file) == ("", "")


def test_rest_and_websocket_are_one_browser(monkeypatch: pytest.MonkeyPatch) -> None:
    request: dict[str, Any] = {}

    async def fetch(**given: Any) -> GatewayInfo:
        request.update(given)
        raise ClusterError("enough")

    monkeypatch.setattr(gateway_bot, "fetch", fetch)
    one = made(impersonate="chrome131")
    with pytest.raises(ClusterError, match="enough"):
        asyncio.run(one.fetch())
    assert request["impersonate"] == one.login.impersonate == "chrome131"


def test_a_ca_file_may_be_a_path(tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    file.touch()
    assert made(ca_file=file).login.ca_file == str(file)


def test_a_session_comes_back_from_its_json() -> None:
    for form in (SESSION, msgspec.json.encode(SESSION), msgspec.json.encode(SESSION).decode()):
        assert made(session=form).resumable == SESSION


def test_no_text_of_the_options_shows_a_credential() -> None:
    shown = repr(made(session=SESSION)) + repr(made(session=SESSION).login)
    assert TOKEN not in shown
    assert "a-secret" not in shown
