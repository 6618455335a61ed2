"""READY, as a bot gets it.

Source: Discord's documentation, "Gateway Events", "Ready"; fields that the documentation does not
list but the gateway sends to bots are given too, with the values that they have in recordings.
"""

from __future__ import annotations

from typing import Final

from cluster.sandbox.world.state import Json, encode

_TRACE: Final = (
    '["gateway-prd-us-east1-b-0001",{"micros":71311,"calls":["id_created",'
    '{"micros":1021,"calls":[]},"session_lookup_time",{"micros":312,"calls":[]}]}]'
)


def ready(
    *,
    user: Json,
    application: Json,
    guild_ids: list[int],
    session_id: str,
    resume_gateway_url: str,
    shard: tuple[int, int] | None,
    version: int,
) -> bytes:
    """Make ``d`` of READY: the guilds are unavailable and come as GUILD_CREATE."""
    made: Json = {
        "v": version,
        "user_settings": {},
        "user": user,
        "session_type": "normal",
        "session_id": session_id,
        "resume_gateway_url": resume_gateway_url,
        "relationships": [],
        "private_channels": [],
        "presences": [],
        "guilds": [{"id": str(guild_id), "unavailable": True} for guild_id in guild_ids],
        "guild_join_requests": [],
        "geo_ordered_rtc_regions": ["us-east", "us-central", "us-south", "us-west", "brazil"],
        "game_relationships": [],
        "auth": {},
        "application": {key: application[key] for key in ("id", "flags", "flags_new")},
        "_trace": [_TRACE],
    }
    if shard is not None:
        made["shard"] = list(shard)
    return encode(made)
