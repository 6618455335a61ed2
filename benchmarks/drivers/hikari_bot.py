"""hikari with a handler that does nothing (see counting). Without a cache and with a listener for
raw payloads alone, it makes no object of an event but that one."""

from __future__ import annotations

import asyncio
import functools
from unittest.mock import patch

import hikari
from hikari.api import CacheComponents
from hikari.api.shard import GatewayCompression
from hikari.impl import CacheSettings, HTTPSettings
from hikari.impl import shard as hikari_shard

from benchmarks.drivers.counting import Counter, say

counter = Counter()


async def every_payload(event: hikari.ShardPayloadEvent) -> None:
    if event.name != "READY":
        counter.count()


async def main() -> None:
    bot = hikari.GatewayBot(
        counter.settings["token"],
        rest_url=f"{counter.settings['api_url']}/v10",
        http_settings=HTTPSettings(ssl=counter.tls()),
        cache_settings=CacheSettings(components=CacheComponents.NONE),
        intents=hikari.Intents.ALL,
        logs=None,
        banner=None,
        suppress_optimization_warning=True,
    )
    bot.subscribe(hikari.ShardPayloadEvent, every_payload)
    # The bot has no argument for its shards' compression; the shard has.
    shard_type = functools.partial(
        hikari_shard.GatewayShardImpl, compression=GatewayCompression.TRANSPORT_ZLIB_STREAM
    )
    with patch.object(hikari_shard, "GatewayShardImpl", shard_type):
        await bot.start(check_for_updates=False)
    say({"ready": True})
    await counter.until_input_ends(bot.close)


if __name__ == "__main__":
    asyncio.run(main())
