"""hikari's GatewayBot on the sandbox, as a process (see client_driver)."""

from __future__ import annotations

import asyncio
import functools
from typing import Any
from unittest.mock import patch

import hikari
from hikari.api.shard import GatewayCompression
from hikari.impl import config as hikari_config
from hikari.impl import event_manager_base
from hikari.impl import shard as hikari_shard
from hikari.internal import data_binding

from tests.clients.client_driver import Driver

COMPRESSION = {
    "none": None,
    "payload": GatewayCompression.PAYLOAD_ZLIB_STREAM,
    "zlib-stream": GatewayCompression.TRANSPORT_ZLIB_STREAM,
    "zstd-stream": GatewayCompression.TRANSPORT_ZSTD_STREAM,
}

driver = Driver()


class Raw:
    """Joins a payload's text to the shard that it came on.

    The library decodes a payload and hands its event on without giving way in between, so the
    text that was decoded last is the event's.
    """

    def __init__(self) -> None:
        self.text = ""
        self.payload: dict[str, Any] = {}

    def loads(self, data: str | bytes) -> Any:
        value = data_binding.default_json_loads(data)
        if isinstance(value, dict) and "op" in value:
            self.text = data if isinstance(data, str) else data.decode()
            self.payload = value
        return value


raw = Raw()
consume = event_manager_base.EventManagerBase.consume_raw_event


def record_and_consume(
    manager: event_manager_base.EventManagerBase,
    event_name: str,
    shard: hikari.api.GatewayShard,
    payload: data_binding.JSONObject,
) -> None:
    assert raw.payload["d"] is payload, "the payload is not the one that was decoded last"
    driver.receipts.frame(shard.id, raw.text, raw.payload)
    consume(manager, event_name, shard, payload)


def caches(bot: hikari.GatewayBot) -> dict[str, Any]:
    cache = bot.cache
    return {
        str(guild_id): {
            "channels": sorted(str(c) for c in cache.get_guild_channels_view_for_guild(guild_id)),
            "roles": sorted(str(r) for r in cache.get_roles_view_for_guild(guild_id)),
            "members": sorted(str(m) for m in cache.get_members_view_for_guild(guild_id)),
            "member_count": guild.member_count,
            "name": guild.name,
        }
        for guild_id, guild in cache.get_guilds_view().items()
    }


async def members(bot: hikari.GatewayBot, command: dict[str, Any]) -> list[str]:
    users = [hikari.Snowflake(i) for i in command["user_ids"]]
    guild_id = hikari.Snowflake(command["guild_id"])
    with bot.stream(hikari.MemberChunkEvent, timeout=20).filter(("nonce", "asked")) as stream:
        await bot.request_guild_members(
            guild_id, users=users, include_presences=True, nonce="asked"
        )
        async for chunk in stream:
            return sorted(str(m) for m in chunk.members)
    raise AssertionError("no chunk came")


async def voice(bot: hikari.GatewayBot, command: dict[str, Any]) -> None:
    guild_id = hikari.Snowflake(command["guild_id"])
    channels = bot.cache.get_guild_channels_view_for_guild(guild_id).values()
    channel = next(c for c in channels if isinstance(c, hikari.GuildVoiceChannel))
    await bot.update_presence(activity=hikari.Activity(name="chess"), status=hikari.Status.IDLE)
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
        loads=raw.loads,
        logs=None,
        banner=None,
        suppress_optimization_warning=True,
    )
    bot.subscribe(hikari.Event, every_event)
    driver.caches = lambda: caches(bot)
    driver.commands["members"] = functools.partial(members, bot)
    driver.commands["voice"] = functools.partial(voice, bot)
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
    ):
        await driver.serve(bot.close, asyncio.ensure_future(run()))


if __name__ == "__main__":
    asyncio.run(main())
