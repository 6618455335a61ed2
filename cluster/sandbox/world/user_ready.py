"""READY and READY_SUPPLEMENTAL, as a user client gets them.

A user's guilds are in it at once and whole; where each part of them stands depends on the
capabilities.
Source: the unofficial documentation, "Gateway Events" (Ready, Ready Supplemental, Gateway Guild)
and "Using Gateway" (Gateway Capabilities). Where it leaves a value open, it is an empty one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from cluster.discord.intents import Capabilities as Can
from cluster.sandbox.world.guild_create import guild_create
from cluster.sandbox.world.objects.users import member
from cluster.sandbox.world.state import Guild, Json, Member, encode

_EXTENDED: Final = frozenset((
    "joined_at", "large", "unavailable", "member_count", "members", "channels", "threads",
    "presences", "voice_states", "activity_instances", "embedded_activities", "stage_instances",
    "guild_scheduled_events", "lazy", "version", "application_command_counts", "stickers", "roles",
    "emojis", "soundboard_sounds", "premium_subscription_count",
))  # fmt: skip
"""What a gateway guild has beside the guild's own properties."""
_EXPERIMENTS: Final[Json] = {
    "api_code_version": 0,
    "experiments": [],
    "guild_experiments": [],
    "explicit_content_scan_version": 2,
    "feature_flags": {"disabled_functions": [], "disabled_gateway_events": []},
    "user_application_profiles": {},
    "ad_personalization_toggles_disabled": False,
}
"""What READY says of features that are tried on some accounts: none."""


class UserReady(NamedTuple):
    """``d`` of READY, and of the READY_SUPPLEMENTAL after it; None: there is none."""

    ready: bytes
    supplemental: bytes | None


def user_ready(
    *,
    user: Json,
    guilds: Iterable[Guild],
    capabilities: int,
    large_threshold: int,
    session_id: str,
    sessions: Sequence[str],
    resume_gateway_url: str,
    shard: tuple[int, int] | None,
    version: int,
) -> UserReady:
    """Make ``d`` of READY and READY_SUPPLEMENTAL.

    sessions: ids of the account's sessions, this one among them.
    """
    can = Can(capabilities & int(sum(Can)))
    dedupe = Can.DEDUPE_USER_OBJECTS in can
    later = dedupe and Can.PRIORITIZED_READY_PAYLOAD in can
    shown = [_guild(guild, user, large_threshold) for guild in guilds]
    members, users = _take_members(shown, user) if dedupe else ([], {})
    made: Json = {
        "_trace": ['["gateway-prd-us-east1-b-0001",{"micros":71311,"calls":[]}]'],
        "v": version,
        **_account_fields(user, can, session_id, sessions),
        "resume_gateway_url": resume_gateway_url,
        **_EXPERIMENTS,
        **_optional_fields(can),
    }
    if shard is not None:
        made["shard"] = list(shard)
    presences: Json = {"friends": [], "guilds": [[] for _ in shown]}
    if dedupe:
        own = [[m for m in guild if m["user_id"] == user["id"]] for guild in members]
        made["merged_members"] = own if later else members
        made["users"] = list(users.values())
        if not later:
            made["merged_presences"] = presences
    else:
        made["presences"] = []
    supplemental = None
    if later:
        others = [[m for m in guild if m["user_id"] != user["id"]] for guild in members]
        supplemental = encode(
            {
                "guilds": [_supplement(guild) for guild in shown],
                "merged_members": others,
                "merged_presences": presences,
                "lazy_private_channels": [],
                "disclose": [],
                "game_invites": [],
            }
        )
    made["guilds"] = [_as_asked(guild, can) for guild in shown]
    return UserReady(encode(made), supplemental)


def _account_fields(user: Json, can: Can, session_id: str, sessions: Sequence[str]) -> Json:
    """What READY says of the account and its sessions."""
    return {
        "user": user,
        "user_settings_proto": "",
        "notification_settings": {},
        "user_guild_settings": _versioned(Can.VERSIONED_USER_GUILD_SETTINGS in can),
        "read_state": _versioned(Can.VERSIONED_READ_STATES in can),
        "guild_join_requests": [],
        "relationships": [],
        "game_relationships": [],
        "friend_suggestion_count": 0,
        "private_channels": [],
        "connected_accounts": [],
        "linked_users": [],
        "session_id": session_id,
        "session_type": "normal",
        "sessions": [_session(one) for one in sessions],
        "static_client_session_id": _made_up("static", user["id"]),
        "auth_session_id_hash": _made_up("auth session", user["id"]),
        "analytics_token": _made_up("analytics", user["id"]),
        "auth": {"authenticator_types": []},
        "country_code": "US",
        "geo_ordered_rtc_regions": ["us-east", "us-central", "us-south", "us-west", "brazil"],
        "consents": {"personalization": {"consented": False}},
        "tutorial": None,
    }


def _optional_fields(can: Can) -> Json:
    """What a client gets unless its capabilities say that it does without, or only if they ask."""
    made: Json = {}
    if Can.USER_SETTINGS_PROTO not in can:
        made["user_settings"] = {"status": "online", "locale": "en-US", "theme": "dark"}
    if Can.LAZY_USER_NOTES not in can:
        made["notes"] = {}
    if Can.AUTO_LOBBY_CONNECT in can:
        made["lobbies"] = []
    return made


def gateway_guild(guild: Guild, user: Json, capabilities: int, large_threshold: int) -> bytes:
    """Make ``d`` of GUILD_CREATE for a user session: a guild that was away, or is new."""
    return encode(_as_asked(_guild(guild, user, large_threshold), Can(capabilities)))


def _guild(guild: Guild, user: Json, large_threshold: int) -> Json:
    """The guild as a user sees it: its only members are those in voice and the user itself."""
    if guild.unavailable:
        return {"id": str(guild.id), "unavailable": True}
    data = guild_create(guild, intents=0, large_threshold=large_threshold, whole=True)
    made: Json = msgspec.json.decode(data)
    bot = str(guild.member_list[0].id)
    in_voice = [m for m in made["members"] if m["user"]["id"] not in (bot, user["id"])]
    made["members"] = [account_member(guild, user).full(), *in_voice]
    made["threads"] = []  # only those that the user was added to, which are none
    made["activity_instances"] = []
    made["member_count"] += 1
    return made


def account_member(guild: Guild, user: Json) -> Member:
    """The user account as a member: it is one of every guild, and only it is shown so."""
    public = ("id", "username", "discriminator", "global_name", "avatar", "public_flags", "bot")
    return Member({key: user[key] for key in public}, member([], guild.joined_at))


def _take_members(guilds: Sequence[Json], user: Json) -> tuple[list[list[Json]], dict[str, Json]]:
    """Take out of the guilds each guild's members, with ids in place of users, and the users."""
    users: dict[str, Json] = {}
    merged: list[list[Json]] = []
    for guild in guilds:
        members: list[Json] = []
        for one in guild.pop("members", ()):
            member_user = one["user"]
            users[member_user["id"]] = member_user
            rest = {key: value for key, value in one.items() if key != "user"}
            members.append(rest | {"user_id": member_user["id"]})
        merged.append(members)
        guild.pop("presences", None)
    users.pop(user["id"], None)  # READY shows the account by itself
    return merged, users


def _as_asked(guild: Json, can: Can) -> Json:
    if guild.get("unavailable"):
        return guild
    later = Can.DEDUPE_USER_OBJECTS in can and Can.PRIORITIZED_READY_PAYLOAD in can
    left_out = {"voice_states", "activity_instances"} if later else set()
    if Can.CLIENT_STATE_V2 not in can:
        return {key: value for key, value in guild.items() if key not in left_out}
    left_out.add("soundboard_sounds")
    made: Json = {
        key: value for key, value in guild.items() if key in _EXTENDED and key not in left_out
    }
    properties = {key: value for key, value in guild.items() if key not in _EXTENDED}
    return {"id": guild["id"], "data_mode": "full", "properties": properties} | made


def _supplement(guild: Json) -> Json:
    if guild.get("unavailable"):
        return {"id": guild["id"]}
    return {
        "id": guild["id"],
        "voice_states": guild["voice_states"],
        "activity_instances": guild["activity_instances"],
    }


def _versioned(versioned: bool) -> Any:
    return {"entries": [], "partial": False, "version": 0} if versioned else []


def _session(session_id: str) -> Json:
    """A session as READY and SESSIONS_REPLACE show it."""
    return {
        "session_id": session_id,
        "client_info": {"client": "web", "os": "linux", "version": 0},
        "status": "online",
        "activities": [],
        "hidden_activities": [],
        "active": True,
    }


def sessions_replace(session_ids: Iterable[str]) -> bytes:
    """Make ``d`` of SESSIONS_REPLACE: the account's sessions are these now."""
    return encode([_session(one) for one in session_ids])


def _made_up(what: str, user_id: str) -> str:
    return hashlib.blake2b(f"{what}/{user_id}".encode(), digest_size=16).hexdigest()
