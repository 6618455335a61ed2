"""READY, GUILD_CREATE and MESSAGE_CREATE have every field of the official documentation.

The lists are those of Discord's documentation ("Ready", "Guild Object" with "Guild Create Extra
Fields", "Message Object" ...), optional fields that a guild or message of this kind has included.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from cluster.discord.intents import ALL_INTENTS
from cluster.sandbox.world import World

Json = dict[str, Any]

USER = "id username discriminator global_name avatar"
OWN_USER = f"{USER} bot mfa_enabled verified email flags locale"
READY = (
    "v user guilds session_id resume_gateway_url shard application private_channels _trace "
    "user_settings session_type relationships presences guild_join_requests auth "
    "geo_ordered_rtc_regions game_relationships"
)
MEMBER = (
    "user nick avatar banner roles joined_at premium_since deaf mute flags pending "
    "communication_disabled_until avatar_decoration_data"
)
ROLE = (
    "id name color colors hoist icon unicode_emoji position permissions managed mentionable flags"
)
GUILD = (
    "id name icon splash discovery_splash owner_id afk_channel_id afk_timeout widget_enabled "
    "widget_channel_id verification_level default_message_notifications explicit_content_filter "
    "roles emojis features mfa_level application_id system_channel_id system_channel_flags "
    "rules_channel_id max_presences max_members vanity_url_code description banner premium_tier "
    "premium_subscription_count preferred_locale public_updates_channel_id "
    "max_video_channel_users max_stage_video_channel_users nsfw_level stickers "
    "premium_progress_bar_enabled safety_alerts_channel_id incidents_data joined_at large "
    "unavailable member_count voice_states members channels threads presences stage_instances "
    "guild_scheduled_events soundboard_sounds"
)
CHANNEL = "id type guild_id name position permission_overwrites parent_id flags nsfw"
OF_TYPE = {
    0: "topic last_message_id rate_limit_per_user default_auto_archive_duration",
    2: "bitrate user_limit rtc_region video_quality_mode last_message_id rate_limit_per_user",
    4: "",
    5: "topic last_message_id default_auto_archive_duration",
    13: "bitrate user_limit rtc_region topic",
    15: (
        "topic last_message_id available_tags default_reaction_emoji default_sort_order "
        "default_forum_layout default_thread_rate_limit_per_user rate_limit_per_user"
    ),
}
THREAD = (
    "id type guild_id name parent_id owner_id last_message_id rate_limit_per_user message_count "
    "member_count total_message_sent thread_metadata flags"
)
MESSAGE = (
    "id channel_id author content timestamp edited_timestamp tts mention_everyone mentions "
    "mention_roles attachments embeds pinned type flags components guild_id member"
)
VOICE_STATE = (
    "channel_id user_id session_id deaf mute self_deaf self_mute self_video suppress "
    "request_to_speak_timestamp"
)
PRESENCE = "user guild_id status activities client_status"


def has(item: Json, fields: str) -> None:
    """Fails, naming what is missing."""
    assert not [name for name in fields.split() if name not in item]


@pytest.fixture
def shown(world: World) -> Json:
    """GUILD_CREATE for a session with all intents, after a thread was opened."""
    guild_id = world.guild_ids(0, 1)[0]
    for name in ("THREAD_CREATE", "GUILD_SCHEDULED_EVENT_CREATE", "STAGE_INSTANCE_CREATE"):
        list(world.emit(name, guild_id=guild_id))
    d: Json = json.loads(world.guild_create(guild_id, intents=int(ALL_INTENTS), large_threshold=50))
    return d


def test_ready(world: World) -> None:
    data = world.ready(
        session_id="s",
        resume_gateway_url="wss://other.example.com",
        shard=(1, 2),
        version=10,
        intents=int(ALL_INTENTS),
    )
    d = json.loads(data)
    has(d, READY)
    has(d["user"], OWN_USER)
    assert d["user"]["bot"] is True
    assert d["user"]["discriminator"] == "0"
    assert d["guilds"] == [{"id": str(i), "unavailable": True} for i in world.guild_ids(1, 2)]
    assert d["private_channels"] == []
    assert d["shard"] == [1, 2]
    flags = world.application["flags"]
    expected = {"id": d["user"]["id"], "flags": flags, "flags_new": str(flags)}
    assert d["application"] == expected
    assert isinstance(json.loads(d["_trace"][0]), list)


def test_ready_without_shard_lists_every_guild(world: World) -> None:
    data = world.ready(session_id="s", resume_gateway_url="u", shard=None, version=9, intents=0)
    d = json.loads(data)
    assert "shard" not in d
    assert len(d["guilds"]) == 3


def test_guild_create(shown: Json) -> None:
    has(shown, GUILD)
    assert shown["unavailable"] is False
    assert shown["afk_timeout"] in (60, 300, 900, 1800, 3600)
    assert shown["verification_level"] in range(5)
    for role in shown["roles"]:
        has(role, ROLE)
        has(role["colors"], "primary_color secondary_color tertiary_color")
        assert isinstance(role["permissions"], str)
        assert role.get("tags", {"bot_id": 0})
    assert shown["roles"][0]["id"] == shown["id"]
    for member in shown["members"]:
        has(member, MEMBER)
        has(member["user"], USER)
    assert shown["owner_id"] in [member["user"]["id"] for member in shown["members"]]
    for presence in shown["presences"]:
        has(presence, PRESENCE)
        for activity in presence["activities"]:
            has(activity, "name type created_at")
    assert shown["voice_states"]
    for state in shown["voice_states"]:
        has(state, VOICE_STATE)
        assert "guild_id" not in state


def test_channels_of_each_type(shown: Json) -> None:
    viewed = [channel for channel in shown["channels"] if not channel["flags"]]
    assert {channel["type"] for channel in viewed} == set(OF_TYPE)
    for channel in viewed:
        has(channel, f"{CHANNEL} {OF_TYPE[channel['type']]}")
        for overwrite in channel["permission_overwrites"]:
            has(overwrite, "id type allow deny")
    (thread,) = shown["threads"]
    has(thread, THREAD)
    has(thread["thread_metadata"], "archived auto_archive_duration archive_timestamp locked")


def test_expressions_and_occasions(shown: Json) -> None:
    has(shown["emojis"][0], "id name roles user require_colons managed animated available")
    has(shown["stickers"][0], "id name description tags type format_type available guild_id")
    has(shown["soundboard_sounds"][0], "name sound_id volume emoji_id emoji_name available")
    has(shown["stage_instances"][0], "id guild_id channel_id topic privacy_level")
    has(
        shown["guild_scheduled_events"][0],
        "id guild_id channel_id creator_id name scheduled_start_time scheduled_end_time "
        "privacy_level status entity_type entity_id entity_metadata recurrence_rule",
    )


def test_messages_of_every_kind(make_world: Any) -> None:
    world = make_world(mix={"MESSAGE_CREATE": 1.0})
    kinds = set()
    for _ in range(12_000):
        event = world.step()
        if event.name not in ("MESSAGE_CREATE", "MESSAGE_UPDATE"):
            continue
        d = json.loads(event.data)
        if event.guild_id is None:
            has(d, MESSAGE.removesuffix(" guild_id member"))
            kinds.add("direct")
            continue
        has(d, MESSAGE)
        has(d["author"], USER)
        has(d["member"], MEMBER.removeprefix("user "))
        assert "user" not in d["member"]
        for kind in ("referenced_message", "poll", "attachments", "embeds", "components"):
            if d.get(kind):
                kinds.add(kind)
        if d.get("referenced_message"):
            has(d["referenced_message"], MESSAGE.removesuffix(" member"))
            assert "referenced_message" not in d["referenced_message"]
    expected = {"referenced_message", "poll", "attachments", "embeds", "components", "direct"}
    assert kinds == expected


REACTION = "channel_id message_id guild_id"
REACTIONS = {
    "MESSAGE_REACTION_ADD": f"{REACTION} user_id message_author_id member emoji type burst",
    "MESSAGE_REACTION_REMOVE": f"{REACTION} user_id emoji type burst",
    "MESSAGE_REACTION_REMOVE_EMOJI": f"{REACTION} emoji type burst",
    "MESSAGE_REACTION_REMOVE_ALL": REACTION,
}


@pytest.mark.parametrize("name", sorted(REACTIONS))
def test_reactions_say_what_kind_they_are(world: World, name: str) -> None:
    """``burst`` and ``type`` are in recordings of every event of one emoji's reactions."""
    d = json.loads([*world.emit(name)][-1].data)
    assert set(d) == set(REACTIONS[name].split())
    assert (d.get("type", 0), d.get("burst", False)) == (0, False)


def test_application_and_own_user(world: World) -> None:
    has(
        world.application,
        "id name icon description bot_public bot_require_code_grant owner verify_key team flags "
        "rpc_origins install_params integration_types_config",
    )
    has(world.application["owner"], USER)
    has(world.bot_user, OWN_USER)


def test_application_flags_follow_the_privileged_intents(make_world: Any) -> None:
    assert make_world(privileged_intents=0).application["flags"] == 0
    assert make_world(privileged_intents=1 << 15).application["flags"] == 1 << 18
