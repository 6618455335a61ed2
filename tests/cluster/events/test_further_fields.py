"""Fields that clients read, or that recordings have, beside those of the documented tables."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any, TypeVar

import pytest

from cluster.events import (
    CallCreate,
    CallUpdate,
    ChannelPinsAck,
    Dispatch,
    GenericPushNotificationSent,
    GuildApplicationCommandIndexUpdate,
    GuildRoleDelete,
    LobbyMemberAdd,
    MessageCreate,
    MessageDelete,
    PresenceUpdate,
    Ready,
    ReadySupplemental,
    SessionsReplace,
    SocialLayerSkuPurchaseEligibilityResponse,
    decode,
)
from cluster.events.enums.feed import (
    CheckpointCardType,
    ContentInventoryContentType,
    ContentInventoryTraitType,
)
from tests.cluster.events.event_samples import sample_json

D = TypeVar("D", bound=Dispatch)
RINGS = {"ongoing_rings": {"2": "1", "3": None}}
PROCESSED_AT = datetime(2026, 2, 1, 0, 5, 53, 437000, tzinfo=UTC)
PUSH = ("title", "body", "tracking_type", "icon", "route", "tag")


def decoded(cls: type[D], more: dict[str, Any]) -> D:
    """Return a sample of this class's event with ``more`` put into its ``d``."""
    event = decode(cls.name, json.dumps(sample_json(cls.name) | more).encode())
    assert isinstance(event, cls), event
    return event


@pytest.mark.parametrize("cls", [CallCreate, CallUpdate])
def test_a_call_says_who_lets_it_ring(cls: type[CallCreate | CallUpdate]) -> None:
    assert decoded(cls, RINGS).ongoing_rings == {2: 1, 3: None}


def test_a_pushed_notification_has_its_texts() -> None:
    event = decoded(GenericPushNotificationSent, {name: f"the {name}" for name in PUSH})
    assert [getattr(event, name) for name in PUSH] == [f"the {name}" for name in PUSH]


def test_versions() -> None:
    assert decoded(GuildRoleDelete, {"version": "1769904353437"}).version == "1769904353437"
    assert decoded(GuildApplicationCommandIndexUpdate, {"version": "7"}).version == "7"


def test_when_a_presence_was_processed() -> None:
    shown = decoded(PresenceUpdate, {"processed_at_timestamp": 1769904353437}).presence
    assert shown.processed_at_timestamp == PROCESSED_AT
    shown = decoded(PresenceUpdate, {"processed_at_timestamp": "1769904353437"}).presence
    assert shown.processed_at_timestamp == PROCESSED_AT
    shown = decoded(PresenceUpdate, {"processed_at_timestamp": 0}).presence
    assert shown.processed_at_timestamp == datetime(1970, 1, 1, tzinfo=UTC)


def test_what_discord_thinks_of_an_activity() -> None:
    seen = {"data": None, "loaded": True}
    playing = {"name": "Custom", "type": 4, "content_classification": seen}
    more = {"activities": [playing], "restricted_application": None}
    shown = decoded(PresenceUpdate, more).presence
    assert shown.activities[0].content_classification == seen
    assert shown.restricted_application is None


def test_when_a_session_was_processed() -> None:
    (session,) = sample_json("SESSIONS_REPLACE")
    session |= {"processed_at_timestamp": 0, "last_modified": 1769904353437}
    event = decode("SESSIONS_REPLACE", json.dumps([session]).encode())
    assert isinstance(event, SessionsReplace)
    assert event.sessions[0].processed_at_timestamp == datetime(1970, 1, 1, tzinfo=UTC)
    assert event.sessions[0].last_modified == PROCESSED_AT


def test_what_ready_has_beside_its_table() -> None:
    assert decoded(ReadySupplemental, {"user_activities": []}).user_activities == []
    assert decoded(Ready, {"failed_states": ["users"]}).failed_states == ["users"]


def test_an_additional_name_in_a_lobby() -> None:
    more = {"member": {"id": "5", "additional_name": "Twindly"}}
    assert decoded(LobbyMemberAdd, more).member.additional_name == "Twindly"
    spoken = decoded(MessageCreate, {"lobby_member": {"additional_name": "Twindly"}}).message
    assert spoken.lobby_member
    assert spoken.lobby_member.additional_name == "Twindly"


def test_ids_beside_a_channels() -> None:
    assert decoded(MessageDelete, {"lobby_id": "12"}).lobby_id == 12
    assert decoded(ChannelPinsAck, {"guild_id": "13"}).guild_id == 13


def test_why_somebody_is_not_eligible() -> None:
    more: dict[str, Any] = {"eligible": False, "ineligible_reason": 3}
    assert decoded(SocialLayerSkuPurchaseEligibilityResponse, more).ineligible_reason == 3
    more["ineligible_reason"] = "owned"
    assert decoded(SocialLayerSkuPurchaseEligibilityResponse, more).ineligible_reason == "owned"


def test_components_of_a_feed_and_of_a_years_review() -> None:
    entry = {
        "id": "1364423860543557746", "author_id": "150745989836308480", "author_type": 1,
        "content_type": 1, "participants": ["150745989836308480"],
        "started_at": "2025-04-23T02:11:24.123000+00:00",
        "extra": {"type": "played_game_extra", "game_name": "A Game", "platform": 0},
        "traits": [{"type": 2, "duration_seconds": 114}, {"type": 8, "streak_count_days": 3}],
        "signature": {"kid": "k", "signature": "s", "version": 1},
    }  # fmt: skip
    review = {
        "version": 0, "card_id": 5, "power_level": 83732.3, "power_level_percentile": 96.7,
        "num_messages_sent": 53146, "total_voice_minutes": 6.3, "num_emojis_sent": 13096,
        "top_emoji": {"emoji_id": None, "emoji_name": "x"},
        "top_guild": {"guild_id": "1046920999469330512", "guild_name": "G", "guild_icon": None},
    }  # fmt: skip
    components = [
        {"type": 16, "id": "0", "content_inventory_entry": entry},
        {"type": 20, "id": 1, "checkpoint_data": review},
    ]
    shown = decoded(MessageCreate, {"components": components}).message.components
    assert shown
    feed, card = shown
    played = feed.content_inventory_entry
    assert played
    assert played.author_id == 150745989836308480
    assert played.content_type is ContentInventoryContentType.PLAYED_GAME
    assert played.traits[1].type is ContentInventoryTraitType.STREAK_DAYS
    assert (played.traits[0].duration_seconds, played.traits[1].streak_count_days) == (114, 3)
    assert (played.extra.game_name, played.signature.version) == ("A Game", 1)
    year = card.checkpoint_data
    assert year
    assert year.card_id is CheckpointCardType.SNAIL
    assert year.top_guild
    assert year.top_guild.guild_id == 1046920999469330512
    assert not year.top_game
