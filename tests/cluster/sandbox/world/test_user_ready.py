"""READY of a user account: whatever its capabilities are, it is whole, and it is typed."""

from __future__ import annotations

import json
import time
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from cluster.discord.intents import Capabilities
from cluster.events import decode
from cluster.sandbox import SandboxOptions
from cluster.sandbox.world import World

Json = dict[str, Any]

WORLD = World(SandboxOptions(guilds=2, members_per_guild=6, channels_per_guild=3), now=time.time)
GUILDS = [str(guild_id) for guild_id in WORLD.guild_ids(0, 1)]
OWN = WORLD.own_account["id"]


def users_of(members: list[Json]) -> list[str]:
    return [
        member["user_id"] if "user_id" in member else member["user"]["id"] for member in members
    ]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, (1 << 26) - 1))
def test_whatever_the_capabilities_are(bits: int) -> None:
    can = Capabilities(bits & sum(Capabilities))
    made = WORLD.user_ready(
        capabilities=bits, large_threshold=250, session_id="s", sessions=["s"],
        resume_gateway_url="wss://r", shard=None, version=9,
    )  # fmt: skip
    ready: Json = json.loads(made.ready)
    later: Json = json.loads(made.supplemental) if made.supplemental else {}
    dedupe = Capabilities.DEDUPE_USER_OBJECTS in can
    assert bool(later) is (dedupe and Capabilities.PRIORITIZED_READY_PAYLOAD in can)
    assert [guild["id"] for guild in ready["guilds"]] == GUILDS
    assert ("notes" in ready) is (Capabilities.LAZY_USER_NOTES not in can)
    assert ("properties" in ready["guilds"][0]) is (Capabilities.CLIENT_STATE_V2 in can)
    for number, guild in enumerate(ready["guilds"]):
        source = ready["merged_members"][number] if dedupe else guild["members"]
        more = later["merged_members"][number] if later else []
        assert users_of(source)[0] == OWN
        known = {user["id"] for user in ready["users"]} | {OWN} if dedupe else None
        assert known is None or set(users_of(source + more)) <= known
        states = later["guilds"][number] if later else guild
        assert len(states["voice_states"]) == 2
        assert ("voice_states" in guild) is not bool(later)
    for name, data in (("READY", made.ready), ("READY_SUPPLEMENTAL", made.supplemental)):
        if data is not None:
            assert decode(name, data).misfits == ()
    created = decode("GUILD_CREATE", WORLD.user_guild(int(GUILDS[0]), bits, 250))
    assert created.misfits == ()
