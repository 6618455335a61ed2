"""What a bot can't view, typed, from IDENTIFY to the CHANNEL_UPDATE that opens it."""

from __future__ import annotations

import asyncio

from cluster.events import ChannelUpdate, GuildCreate
from cluster.events.enums.channels import ChannelFlags
from tests.shard_worker.client.client_rig import WAIT_S, ClientRig, run


def test_a_bot_with_capabilities_is_shown_hidden_channels() -> None:
    async def scenario(rig: ClientRig) -> None:
        connecting = rig.connect(intents="all", capabilities="channel_obfuscation")
        async with connecting as client, asyncio.timeout(WAIT_S):
            (identify,) = rig.sandbox.state.commands
            assert identify["d"]["capabilities"] == 1 << 15
            while not isinstance(event := await client.next_event(), GuildCreate):
                pass
            shown = event.guild
            assert isinstance(shown.channels, list)
            (secret,) = (c for c in shown.channels if c.flags == ChannelFlags.OBFUSCATED)
            assert secret.name == "___hidden___"
            await rig.control.access(shown.id, channel_id=str(secret.id), overwrites=[])
            while not isinstance(opened := await client.next_event(), ChannelUpdate):
                pass
            assert (opened.channel.id, opened.channel.flags) == (secret.id, ChannelFlags(0))
            guild = rig.sandbox.world.guild(shown.id)
            assert opened.channel.name == guild.channels[secret.id]["name"]

    run(scenario, channels_per_guild=4, guilds=1)
