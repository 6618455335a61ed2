"""discord.py with a handler that does nothing (see counting). It knows no guild, so of most events
it makes no object. With several sessions it is its AutoShardedClient."""

from __future__ import annotations

import asyncio
import sys

from benchmarks.drivers.counting import Counter, say

# discord.py chooses at import: zstd-stream wherever a zstd package can be imported.
for package in ("zstandard", "compression.zstd"):
    sys.modules[package] = None  # type: ignore[assignment]  # None makes its import fail

import aiohttp  # noqa: E402
import discord  # noqa: E402
import yarl  # noqa: E402
from discord.gateway import DiscordWebSocket  # noqa: E402
from discord.http import Route  # noqa: E402

counter = Counter()


class Client(discord.Client):
    """discord.py's client as it is, with a handler."""

    async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:
        """Wait for no turn to identify: the gateway here lets all identify at once."""

    async def on_ready(self) -> None:
        say({"ready": True})

    async def on_socket_event_type(self, event_type: str) -> None:
        """Handle the event that discord.py makes of every dispatch of the gateway."""
        if event_type != "READY":
            counter.count()


class ShardedClient(Client, discord.AutoShardedClient):
    """A client of several sessions."""


async def main() -> None:
    Route.BASE = f"{counter.settings['api_url']}/v10"
    DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(counter.settings["url"])
    sessions = counter.sessions
    client = (ShardedClient if sessions > 1 else Client)(
        shard_count=sessions if sessions > 1 else None,
        intents=discord.Intents.all(),
        connector=aiohttp.TCPConnector(limit=0, ssl=counter.tls()),  # 0, as its own has
        max_messages=None,
        member_cache_flags=discord.MemberCacheFlags.none(),
        chunk_guilds_at_startup=False,
        guild_ready_timeout=0.1,
    )
    running = asyncio.ensure_future(client.start(counter.settings["token"]))
    await counter.until_input_ends(client.close)
    await asyncio.wait({running}, timeout=5)


if __name__ == "__main__":
    asyncio.run(main())
