"""What the tables leave out: other names of objects, and objects and events without a table.

Source: Discord's documentation of each object; where an event has no documentation at all, it has
no fields here either and is sent as `{}`.
"""

from __future__ import annotations

from typing import Final

ALIASES: Final[dict[str, str]] = {
    "member": "guild member",
    "action": "automod action",
    "resolved": "resolved data",
    "sent message": "remote command",
    "interaction guild": "partial guild",
    "component": "message component",
    "exception": "guild scheduled event exception",
}
"""A name in a type -> the object's name."""

_SUBSCRIPTION: Final = (
    "id: snowflake; user_id: snowflake; sku_ids: array[snowflake]; "
    "entitlement_ids: array[snowflake]; renewal_sku_ids: ?array[snowflake]; "
    "current_period_start: ISO8601 timestamp; current_period_end: ISO8601 timestamp; "
    "status: integer; canceled_at: ?ISO8601 timestamp; country?: string"
)

_STREAM: Final = "stream_key: string; region: string; viewer_ids: array[snowflake]; paused: boolean"

EVENT_FIELDS: Final[dict[str, str]] = {
    "CALL_UPDATE": (
        "channel_id: snowflake; message_id: snowflake; region: string; ringing: array[snowflake]"
    ),
    "SPEED_TEST_CREATE": _STREAM,
    "SPEED_TEST_UPDATE": _STREAM,
    "SPEED_TEST_DELETE": "stream_key: string; reason: string; unavailable?: boolean",
    "SPEED_TEST_SERVER_UPDATE": "token: string; stream_key: string; endpoint: ?string",
    "THREAD_DELETE": "id: snowflake; guild_id: snowflake; parent_id: snowflake; type: integer",
    "PRESENCES_REPLACE": "array[presence object]",
    "SESSIONS_REPLACE": "array[session object]",
    "GUILD_SOUNDBOARD_SOUNDS_UPDATE": (
        "soundboard_sounds: array[soundboard sound object]; guild_id: snowflake"
    ),
    "SUBSCRIPTION_CREATE": _SUBSCRIPTION,
    "SUBSCRIPTION_UPDATE": _SUBSCRIPTION,
    "SUBSCRIPTION_DELETE": _SUBSCRIPTION,
    "VOICE_STATE_UPDATE_BATCH": "guild_id: snowflake; voice_states: array[voice state object]",
    "CONTENT_INVENTORY_INBOX_STALE": "refresh_after_ms?: integer",
    "USER_SETTINGS_UPDATE": "locale?: string; status?: string; theme?: string",
}
"""Fields of events whose table is empty, or does not say of what an array is, as
`name[?]: [?]type; ...` or an array type."""

MORE_EVENT_FIELDS: Final[dict[str, str]] = {
    "CALL_CREATE": "ongoing_rings?: map[snowflake, snowflake]",
    "CALL_UPDATE": "ongoing_rings?: map[snowflake, snowflake]",
    "CHANNEL_PINS_ACK": "guild_id?: snowflake",
    "GENERIC_PUSH_NOTIFICATION_SENT": (
        "title?: string; body?: string; tracking_type?: string; icon?: string; route?: string; "
        "tag?: string"
    ),
    "GUILD_APPLICATION_COMMAND_INDEX_UPDATE": "version?: string",
    "GUILD_ROLE_DELETE": "version?: string",
    "MESSAGE_DELETE": "lobby_id?: snowflake",
    "READY": "failed_states?: array",
    "READY_SUPPLEMENTAL": "user_activities?: array",
    "SOCIAL_LAYER_SKU_PURCHASE_ELIGIBILITY_RESPONSE": "ineligible_reason?: ?integer",
}
"""Fields beside those of the tables. Source: what clients read, and recordings of the Gateway."""

MORE_OBJECT_FIELDS: Final[dict[str, str]] = {
    "lobby member": "additional_name?: ?string",
    "message": "lobby_member?: partial lobby member object",
    "presence": "processed_at_timestamp?: integer; restricted_application?: ?object",
    "session": "last_modified?: integer; processed_at_timestamp?: integer",
    "activity": "content_classification?: ?object",
    "message component": (
        "content_inventory_entry?: content inventory entry object; "
        "checkpoint_data?: checkpoint data object"
    ),
}
"""Fields beside those of the tables, likewise; a component's are in the tables of its kinds."""

OBJECT_FIELDS: Final[dict[str, str]] = {
    "custom status": (
        "text: ?string; emoji_id: ?snowflake; emoji_name: ?string; expires_at: ?ISO8601 timestamp"
    ),
    "stream": f"rtc_server_id?: snowflake; rtc_channel_id?: snowflake; {_STREAM}",
    "gateway lobby": (
        "id: snowflake; application_id: snowflake; metadata: ?map[string, string]; "
        "members: array[lobby member object]; flags: integer; "
        "voice_states: array[lobby voice state object]; region: string"
    ),
    "remote command": "type: string; target_session_id?: string",
    "connection": (
        "id: string; name: string; type: string; revoked?: boolean; verified: boolean; "
        "friend_sync: boolean; show_activity: boolean; two_way_link: boolean; visibility: integer"
    ),
    "consents": "personalization: consent object; usage_statistics: consent object",
    "consent": "consented: boolean",
    "trigger metadata": (
        "keyword_filter: array[string]; regex_patterns: array[string]; presets: array[integer]; "
        "allow_list: array[string]; mention_total_limit: integer; "
        "mention_raid_protection_enabled: boolean"
    ),
    "action metadata": (
        "channel_id: snowflake; duration_seconds: integer; custom_message?: string"
    ),
    "tag": (
        "id: snowflake; name: string; moderated: boolean; emoji_id: ?snowflake; emoji_name: ?string"
    ),
    "json error response": "code: integer; message: string",
    "audit entry info": (
        "application_id: snowflake; channel_id: snowflake; count: string; id: snowflake; "
        "message_id: snowflake; role_name: string; type: string"
    ),
    "entity metadata": "location?: string",
    "recurrence rule": (
        "start: ISO8601 timestamp; end: ?ISO8601 timestamp; frequency: integer; "
        "interval: integer; by_weekday: ?array[integer]; by_n_weekday: ?array[n weekday object]; "
        "by_month: ?array[integer]; by_month_day: ?array[integer]; "
        "by_year_day: ?array[integer]; count: ?integer"
    ),
    "n weekday": "n: integer; day: integer",
    "message component": "type: integer; id: integer; components: array[button object]",
    "member list group": "id: string; count?: integer",
    "member list item": "group?: member list group object; member?: guild member object",
    "member list sync op": (
        "op: string; range: array[integer, integer]; items: array[member list item object]"
    ),
    "member list insert op": "op: string; index: integer; item: member list item object",
    "member list update op": "op: string; index: integer; item: member list item object",
    "member list delete op": "op: string; index: integer",
    "member list invalidate op": "op: string; range: array[integer, integer]",
    "guild prune": (
        "is_preview?: boolean; is_finished?: boolean; days?: integer; prune_count?: ?integer; "
        "include_roles?: ?array[snowflake]"
    ),
    "guild bulk ban": "banned_users?: ?array[snowflake]; failed_users?: ?array[snowflake]",
    "forum unread": "thread_id: snowflake; missing?: boolean; count?: ?integer",
    "debounced vote": "answer_id: integer; users?: array[snowflake]",
    "guild room": (
        "room_id: snowflake; users?: array[guild room user object]; background?: ?integer; "
        "objects?: map[integer, array[guild room item object]]"
    ),
    "guild room user": (
        "user_id: snowflake; seat?: ?integer; position?: ?room position object; "
        "status_id?: ?integer; status_text?: ?string"
    ),
    "guild room item": (
        "object_type: integer; object_id: string; created_by?: snowflake; "
        "updated_by?: ?snowflake; updated_at?: ?ISO8601 timestamp; content?: ?string; "
        "position?: ?room position object"
    ),
    "room position": "x: float; y: float",
    "library application": (
        "created_at?: ISO8601 timestamp; application?: partial application object; "
        "sku_id?: snowflake; sku?: partial sku object; entitlements?: array[entitlement object]; "
        "flags?: integer; branch_id?: snowflake; branch?: ?object"
    ),
    "content inventory entry": (
        "id: string; author_id: snowflake; author_type: integer; content_type: integer; "
        "traits: array[content inventory trait object]; "
        "extra: content inventory metadata object; participants?: array[snowflake]; "
        "expires_at?: ISO8601 timestamp; ended_at?: ISO8601 timestamp; "
        "started_at?: ISO8601 timestamp; original_id?: snowflake; guild_id?: snowflake; "
        "channel_id?: snowflake; session_id?: string; "
        "signature: content inventory signature object"
    ),
    "content inventory trait": (
        "type: integer; first_time?: boolean; duration_seconds?: integer; is_live?: boolean; "
        "range?: integer; resurrected_last_played?: ISO8601 timestamp; marathon?: boolean; "
        "streak_count_days?: integer; trending?: integer; count?: integer"
    ),
    "content inventory metadata": (
        "type: string; game_name?: string; application_id?: snowflake; platform?: integer; "
        "last_update?: ISO8601 timestamp; "
        "entries?: array[content inventory metadata entry object]; "
        "media?: content inventory metadata entry object; provider?: integer; "
        "media_type?: integer; parent_title?: string; title?: string; image_url?: string; "
        "artist?: content inventory artist object; "
        "artists?: array[content inventory artist object]; external_id?: string; "
        "external_parent_id?: string; media_assets_large_image?: string; "
        "media_assets_large_text?: string; media_assets_small_image?: string; "
        "media_assets_small_text?: string; media_title?: string; media_subtitle?: string; "
        "url?: string; activity_name?: string"
    ),
    "content inventory metadata entry": (
        "media?: content inventory metadata object; verification_state?: integer; "
        "repeat_count?: integer"
    ),
    "content inventory artist": "external_id: string; name: string",
    "content inventory signature": "signature: string; kid: string; version: integer",
    "checkpoint data": (
        "version: integer; card_id: integer; power_level: float; "
        "power_level_percentile: float; num_messages_sent: integer; "
        "total_voice_minutes: float; num_emojis_sent: integer; "
        "top_guild?: checkpoint guild object; top_emoji?: checkpoint emoji object; "
        "top_game?: checkpoint game object"
    ),
    "checkpoint guild": "guild_id: snowflake; guild_name: string; guild_icon: ?string",
    "checkpoint emoji": "emoji_id: ?snowflake; emoji_name: string",
    "checkpoint game": (
        "application_id: snowflake; application_name: string; application_image_id: ?string"
    ),
    "button": (
        "type: integer; id: integer; style: integer; label: string; custom_id: string; "
        "disabled: boolean"
    ),
    "debounced reaction": "emoji: partial emoji object; users: array[snowflake]",
    "client status": "desktop?: string; mobile?: string; web?: string",
    "lobby voice state": (
        "lobby_id: snowflake; channel_id: snowflake; user_id: snowflake; session_id: string; "
        "deaf: boolean; mute: boolean; self_deaf: boolean; self_mute: boolean; "
        "self_video: boolean; suppress: boolean"
    ),
    "audio context setting": "muted: boolean; volume: float; soundboard_muted: boolean",
    "category": "id: integer; name: string",
    "game data overrides": "description?: ?string",
    "billing address": (
        "name: string; line_1: string; line_2: ?string; city: string; state: string; "
        "country: string; postal_code: string"
    ),
    "guild product purchase": "listing_id: snowflake; product_name: string",
    "user application profile dynamic data": "type: integer; name: string; value: string",
    "unfurled media item": (
        "url: string; proxy_url: string; height: ?integer; width: ?integer; content_type: string"
    ),
}
"""Objects without a table, or without a whole one, in the same notation."""
