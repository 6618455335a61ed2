"""hikari's GatewayBot, as a process (see client_driver): its own cache, and what it got."""

from __future__ import annotations

import asyncio
import functools
import json
from typing import Any
from unittest.mock import patch

import aiohttp
import hikari
from hikari.api.shard import GatewayCompression
from hikari.impl import config as hikari_config
from hikari.impl import event_manager_base, rest
from hikari.impl import shard as hikari_shard
from hikari.internal import data_binding

from tests.clients.bots.plain_values import PlainValues
from tests.clients.client_driver import Driver

COMPRESSION = {"none": None, "zlib-stream": GatewayCompression.TRANSPORT_ZLIB_STREAM}

driver = Driver()
consume = event_manager_base.EventManagerBase.consume_raw_event
fetch = rest.RESTClientImpl.fetch_gateway_bot_info
text = ""
"""The payload that was decoded last: the library hands it on without giving way in between."""


def loads(data: str | bytes) -> Any:
    global text  # one place that the library's decoder and its consumer share
    text = data if isinstance(data, str) else data.decode()
    return data_binding.default_json_loads(data)


def record_and_consume(
    manager: event_manager_base.EventManagerBase,
    event_name: str,
    shard: hikari.api.GatewayShard,
    payload: data_binding.JSONObject,
) -> None:
    driver.receipts.frame(shard.id, text, json.loads(text))
    consume(manager, event_name, shard, payload)


async def fetch_from_proxy(client: rest.RESTClientImpl) -> hikari.GatewayBotInfo:
    """Ask the proxy where the gateway is; everything else is asked of Discord."""
    async with (
        aiohttp.ClientSession(headers={"Authorization": f"Bot {driver.config['token']}"}) as http,
        http.get(f"{driver.config['proxy_url']}/api/v10/gateway/bot") as response,
    ):
        assert response.status == 200, await response.text()
        return client.entity_factory.deserialize_gateway_bot_info(await response.json())


def special(value: Any) -> Any:
    """What the library leaves out."""
    return "(undefined)" if value is hikari.UNDEFINED else value


PLAIN = PlainValues(skipped={"__weakref__", "app", "_app"}, references=set(), special=special)


def caches(bot: hikari.GatewayBot) -> dict[str, Any]:
    cache = bot.cache
    views = {
        "guilds": cache.get_guilds_view(),
        "channels": cache.get_guild_channels_view(),
        "threads": cache.get_threads_view(),
        "roles": cache.get_roles_view(),
        "emojis": cache.get_emojis_view(),
        "stickers": cache.get_stickers_view(),
        "members": cache.get_members_view(),
        "presences": cache.get_presences_view(),
        "voice states": cache.get_voice_states_view(),
        "users": cache.get_users_view(),
    }
    return {name: PLAIN.of(view) for name, view in views.items()} | {
        "me": PLAIN.of(cache.get_me()),
        "unavailable": [str(guild_id) for guild_id in cache.get_unavailable_guilds_view()],
    }


async def voice(bot: hikari.GatewayBot, command: dict[str, Any]) -> None:
    guild_id = hikari.Snowflake(command["guild_id"])
    channels = bot.cache.get_guild_channels_view_for_guild(guild_id).values()
    channel = next(c for c in channels if isinstance(c, hikari.GuildVoiceChannel))
    await bot.update_voice_state(guild_id, channel, self_mute=True)


async def every_event(event: hikari.Event) -> None:
    """A listener for the base class: no parser is left out for want of a listener."""


async def main() -> None:
    config = driver.config
    bot = hikari.GatewayBot(
        config["token"],
        rest_url=f"{config['api_url']}/v10",
        http_settings=hikari_config.HTTPSettings(ssl=driver.tls()),
        intents=hikari.Intents.ALL,
        loads=loads,
        logs=None,
        banner=None,
        suppress_optimization_warning=True,
    )
    bot.subscribe(hikari.Event, every_event)

    async def dump(command: dict[str, Any]) -> dict[str, Any]:
        return caches(bot)

    driver.commands |= {"dump": dump, "voice": functools.partial(voice, bot)}
    # The bot has no argument for its shards' compression; the shard has.
    shard_type = functools.partial(
        hikari_shard.GatewayShardImpl, compression=COMPRESSION[config["compression"]]
    )

    async def run() -> None:
        await bot.start(check_for_updates=False)
        driver.say({"ready": True})
        await bot.join()

    with (
        patch.object(event_manager_base.EventManagerBase, "consume_raw_event", record_and_consume),
        patch.object(hikari_shard, "GatewayShardImpl", shard_type),
        patch.object(
            rest.RESTClientImpl,
            "fetch_gateway_bot_info",
            fetch_from_proxy if config.get("proxy_url") else fetch,
        ),
    ):
        await driver.serve(bot.close, asyncio.ensure_future(run()))


if __name__ == "__main__":
    asyncio.run(main())
