"""discord.py's AutoShardedClient on the sandbox, as a process (see client_driver)."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable
from typing import Any
from unittest.mock import patch

from tests.clients.client_driver import Driver

driver = Driver()
if driver.config["compression"] == "zlib-stream":
    # discord.py chooses at import: zstd-stream wherever a zstd package can be imported.
    for package in ("zstandard", "compression.zstd"):
        sys.modules[package] = None  # type: ignore[assignment]  # None makes its import fail

import aiohttp  # noqa: E402
import discord  # noqa: E402
import yarl  # noqa: E402
from discord.gateway import DiscordWebSocket  # noqa: E402
from discord.http import Route  # noqa: E402


class Client(discord.AutoShardedClient):
    """The library as it is, but for the wait before an IDENTIFY, which a test may shorten."""

    was_ready = False

    async def on_ready(self) -> None:
        # The library is ready again after every new session; the first one is told.
        if not self.was_ready:
            self.was_ready = True
            driver.say({"ready": True})

    async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:
        if driver.config["own_identify_wait"]:
            await super().before_identify_hook(shard_id, initial=initial)

    async def on_error(self, event_method: str, /, *args: Any, **kwargs: Any) -> None:
        error = sys.exc_info()[1]
        assert error is not None
        driver.error(event_method, error)


def log_receive(ws: DiscordWebSocket, text: str, /) -> None:
    """The library's hook for each received message, before it is parsed."""
    driver.receipts.frame(ws.shard_id or 0, text, json.loads(text))


def guarded(name: str, parse: Callable[[Any], None]) -> Callable[[Any], None]:
    """A parser whose failure is kept with its event; unguarded it would end the client."""

    def parse_and_keep(data: Any) -> None:
        try:
            parse(data)
        except Exception as error:  # noqa: BLE001  # whatever it is, the test is told
            driver.error(f"{name}: {json.dumps(data)[:2000]}", error)

    return parse_and_keep


def caches(client: Client) -> dict[str, Any]:
    return {
        str(guild.id): {
            "channels": sorted(str(c.id) for c in guild.channels),
            "roles": sorted(str(r.id) for r in guild.roles),
            "members": sorted(str(m.id) for m in guild.members),
            "member_count": guild.member_count,
            "name": guild.name,
        }
        for guild in client.guilds
    }


async def main() -> None:
    config = driver.config
    Route.BASE = f"{config['api_url']}/v10"
    DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(config["gateway_url"])
    client = Client(
        intents=discord.Intents.all(),
        connector=aiohttp.TCPConnector(ssl=driver.tls()),
        guild_ready_timeout=config.get("guild_ready_timeout", 0.5),
        assume_unsync_clock=True,
    )
    parsers = client._connection.parsers
    for name, parse in parsers.items():
        parsers[name] = guarded(name, parse)
    driver.caches = lambda: caches(client)

    async def members(command: dict[str, Any]) -> list[str]:
        guild = client.get_guild(int(command["guild_id"]))
        assert guild is not None
        ids = [int(i) for i in command["user_ids"]]
        found = await guild.query_members(user_ids=ids, presences=True, cache=False)
        return sorted(str(m.id) for m in found)

    async def voice(command: dict[str, Any]) -> None:
        guild = client.get_guild(int(command["guild_id"]))
        assert guild is not None
        await client.change_presence(activity=discord.Game("chess"), status=discord.Status.idle)
        await guild.change_voice_state(channel=guild.voice_channels[0], self_mute=True)

    driver.commands["members"] = members
    driver.commands["voice"] = voice
    with patch.object(DiscordWebSocket, "log_receive", log_receive):
        running = asyncio.ensure_future(client.start(config["token"]))
        await driver.serve(client.close, running)


if __name__ == "__main__":
    asyncio.run(main())
