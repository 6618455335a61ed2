"""Every event that the documentation lists for bots, through the parsers of strict libraries."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from cluster.sandbox.catalogue import catalogue
from cluster.sandbox.world.permissions import ADMINISTRATOR
from tests.clients.client_bench import QUICK, Bench, bench
from tests.clients.client_libraries import DISCORD_PY, DISCORDJS, HIKARI, Library, case

NOT_BY_ITSELF = {"READY", "RESUMED"}
"""Events of a connection's start, which the other tests see."""
KEPT = {
    DISCORD_PY: ("channels", "roles", "members", "name", "member_count"),
    # hikari leaves member_count as GUILD_CREATE said it.
    HIKARI: ("channels", "roles", "members", "name"),
    DISCORDJS: ("channels", "roles", "members", "name", "member_count"),
}
DOCUMENTED = [
    event.name
    for event in catalogue().events.values()
    if event.official and event.name not in NOT_BY_ITSELF
]


def only(keys: tuple[str, ...], guilds: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {guild: {key: data[key] for key in keys} for guild, data in guilds.items()}


async def every_channel_is_hidden_and_shown(b: Bench) -> int:
    """Let the bot view no channel of a guild, of whatever type, and then all. Return how many
    CHANNEL_UPDATEs that took."""
    world = b.sandbox.world
    guild = next(world.guild(i) for i in world.guild_ids(0, 1) if world.available(i))
    updates = 0
    for permissions in (0, ADMINISTRATOR):
        for role_id in guild.roles:
            change = {"role_id": str(role_id), "permissions": str(permissions)}
            updates += (await b.control.access(guild.id, **change)).get("CHANNEL_UPDATE", 0)
        hidden = frozenset(guild.channels) if not permissions else frozenset()
        assert guild.hidden == hidden
    return updates


@pytest.mark.parametrize(
    ("library", "compression"),
    [case(DISCORD_PY, "zlib-stream"), case(HIKARI, "none"), case(DISCORDJS, "zlib-native")],
)
def test_every_documented_event_is_parsed(library: Library, compression: str) -> None:
    async def sweep() -> None:
        async with bench(library, compression) as b:
            # hikari logs this event as a warning.
            b.expected = ("^rate-limited on opcode 8 for ",)
            await b.settle()
            assert await every_channel_is_hidden_and_shown(b) >= 2 * QUICK.channels_per_guild - 1
            for name in DOCUMENTED * 2:
                await b.control.emit(name)
            report = await b.settle()
            assert set(DOCUMENTED) <= {r[3] for r in report.receipts}
            # GUILD_CREATE at the end of an outage does not tell of what comes after it.
            guild_id = b.sandbox.world.guild_ids(0, 1)[0]
            for name in ("GUILD_MEMBER_ADD", "GUILD_MEMBER_REMOVE", "GUILD_BAN_ADD"):
                await b.control.emit("GUILD_DELETE", guild_id)
                await b.control.emit(name, guild_id)
            report = await b.settle()
            # Events came as they happened: what the library made of them is the world.
            kept = KEPT[library]
            assert only(kept, report.caches) == only(kept, b.world())

    asyncio.run(sweep())


@pytest.mark.parametrize(
    ("library", "compression"), [case(DISCORD_PY, "zstd-stream"), case(HIKARI, "zlib-stream")]
)
def test_members_presence_and_voice_are_asked_for(library: Library, compression: str) -> None:
    async def fill() -> None:
        large = msgspec.structs.replace(QUICK, guilds=4, members_per_guild=1100)
        async with bench(library, compression, large) as b:
            # The libraries ask for all members themselves (op 8), as GUILD_CREATE lacks them.
            report = await b.settle()
            assert len(report.names("GUILD_MEMBERS_CHUNK")) == 4 * 2
            assert report.caches == b.world()
            # And for some by their ids: discord.py writes snowflakes as numbers, hikari as text.
            guild_id, guild = next(iter(report.caches.items()))
            some = guild["members"][10:20]
            found = await b.client.ask("members", guild_id=guild_id, user_ids=[*some, "1234"])
            assert found == some
            # Presence and voice (op 3, op 4): the bot is told that it is in the channel.
            await b.client.ask("voice", guild_id=guild_id)
            await b.client.wait(1, "VOICE_SERVER_UPDATE")
            assert (await b.settle()).names("VOICE_STATE_UPDATE")

    asyncio.run(fill())
