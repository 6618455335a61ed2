"""discord.py's commands.Bot, as a process (see client_driver): its own cache, and what it got."""

from __future__ import annotations

import asyncio
import json
from typing import Any
from unittest.mock import patch

import aiohttp
import discord
import yarl
from discord.ext import commands
from discord.gateway import DiscordWebSocket
from discord.http import Route

from tests.clients.bots.plain_values import PlainValues
from tests.clients.client_driver import Driver

driver = Driver()


def special(value: Any) -> Any:
    """Enums and flags of the library, and what it leaves out."""
    if value is discord.utils.MISSING:
        return "(missing)"
    if type(value).__module__ == "discord.enums":
        return repr(value)
    if isinstance(value, discord.flags.BaseFlags):
        return value.value
    return value


PLAIN = PlainValues(
    skipped={
        "__weakref__", "_state", "_cs_guild", "_cs_channel", "_cs_scheduled_event",
        "_cs_raw_presence",
    },
    references={"guild", "parent", "channel"},
    special=special,
)  # fmt: skip


class Bot(commands.Bot):
    async def on_ready(self) -> None:
        driver.say({"ready": True})

    async def on_error(self, event_method: str, /, *args: Any, **kwargs: Any) -> None:
        error = discord.utils.MISSING
        driver.errors.append({"where": event_method, "error": repr(error), "traceback": ""})


def log_receive(ws: DiscordWebSocket, text: str, /) -> None:
    """The library's hook for each received message, before it is parsed."""
    driver.receipts.frame(ws.shard_id or 0, text, json.loads(text))


async def main() -> None:
    config = driver.config
    Route.BASE = f"{config['api_url']}/v10"
    DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(config["gateway_url"])
    bot = Bot(
        command_prefix="!",
        intents=discord.Intents.all(),
        connector=aiohttp.TCPConnector(ssl=driver.tls()),
        guild_ready_timeout=0.5,
        assume_unsync_clock=True,
    )

    async def dump(command: dict[str, Any]) -> dict[str, Any]:
        return {"guilds": PLAIN.of({g.id: g for g in bot.guilds}), "user": PLAIN.of(bot.user)}

    async def voice(command: dict[str, Any]) -> None:
        guild = bot.get_guild(int(command["guild_id"]))
        assert guild is not None
        await guild.change_voice_state(channel=guild.voice_channels[0], self_mute=True)

    driver.commands |= {"dump": dump, "voice": voice}
    with patch.object(DiscordWebSocket, "log_receive", log_receive):
        running = asyncio.ensure_future(bot.start(config["token"]))
        await driver.serve(bot.close, running)


if __name__ == "__main__":
    asyncio.run(main())
