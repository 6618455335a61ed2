"""The lines by which bots connect to the proxy."""

from __future__ import annotations

from pathlib import Path

import pytest

from cluster.cli.terminal.bot_lines import LIBRARIES, bot_lines

ROOT = Path(__file__).parent.parent.parent.parent.parent


def test_they_fit_a_terminal_and_name_the_address() -> None:
    lines = bot_lines("ws://127.0.0.1:7320")
    assert max(map(len, lines)) <= 80
    for name in LIBRARIES:
        assert any(line.startswith(f"  {name} ") for line in lines)
    assert "{url}" not in "".join(lines)
    assert sum("ws://127.0.0.1:7320" in line for line in lines) == len(LIBRARIES) + 1


def test_the_documentation_says_the_same() -> None:
    page = "".join((ROOT / "docs" / "existing-bots.md").read_text().split())
    for name, code in LIBRARIES.items():
        assert "".join(code.replace("{url}", "ws://127.0.0.1:7320").split()) in page, name


def test_what_is_said_of_hikari_does_so(monkeypatch: pytest.MonkeyPatch) -> None:
    hikari = pytest.importorskip("hikari")
    info = hikari.sessions.GatewayBotInfo
    monkeypatch.setattr(info, "url", info.url)  # put back what the line changes
    exec(LIBRARIES["hikari"].replace("{url}", "ws://127.0.0.1:7320"), {"hikari": hikari})
    made = info(url="wss://gateway.discord.gg", shard_count=1, session_start_limit=None)
    assert made.url == "ws://127.0.0.1:7320"


def test_what_is_said_of_discord_py_does_so(monkeypatch: pytest.MonkeyPatch) -> None:
    discord = pytest.importorskip("discord")
    yarl = pytest.importorskip("yarl")
    kind = discord.gateway.DiscordWebSocket
    monkeypatch.setattr(kind, "DEFAULT_GATEWAY", kind.DEFAULT_GATEWAY)
    code = LIBRARIES["discord.py"].replace("{url}", "ws://127.0.0.1:7320")
    exec(code, {"discord": discord, "yarl": yarl})
    assert str(kind.DEFAULT_GATEWAY) == "ws://127.0.0.1:7320"
