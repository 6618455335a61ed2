"""Guilds: themselves, members, roles, passive updates, directories."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from cluster.events.base import UNSET, Absent, Dispatch, Payload, Snowflake, dispatch
from cluster.events.enums.guilds import DirectoryEntryType, GuildMemberFlags, HubCategory
from cluster.events.enums.settings import ReadStateType
from cluster.events.objects.billing import Entitlement
from cluster.events.objects.gateway import GatewayGuild
from cluster.events.objects.guilds import (
    GameServer,
    Guild,
    GuildPrune,
    PremiumGuildSubscription,
    UnavailableGuild,
)
from cluster.events.objects.member_lists import MemberListGroup, MemberListOp
from cluster.events.objects.members import Member, Role
from cluster.events.objects.presences import Presence
from cluster.events.objects.reading import ChannelUnread
from cluster.events.objects.schedule import DirectoryEntry
from cluster.events.objects.users import AvatarDecorationData, Collectibles, User
from cluster.events.objects.voice import VoiceState


@dispatch("GUILD_CREATE", "Guild")
class GuildCreate(Dispatch):
    """A guild is there: after READY, after an outage, or because the account joined it."""

    guild: Payload[GatewayGuild]


@dispatch("GUILD_UPDATE", "Guild")
class GuildUpdate(Dispatch):
    """A guild's own fields were changed."""

    guild: Payload[Guild]


@dispatch("GUILD_DELETE", "Guild")
class GuildDelete(Dispatch):
    """A guild is in an outage (``unavailable`` is true), or the account is out of it."""

    guild: Payload[UnavailableGuild]


@dispatch("GUILD_FEATURE_ACK", "Guild", listed=False)
class GuildFeatureAck(Dispatch):
    """The account has seen something of a guild: its scheduled events, its onboarding."""

    ack_type: ReadStateType
    resource_id: Snowflake
    entity_id: Snowflake
    version: int


@dispatch("GUILD_APPLICATION_COMMAND_INDEX_UPDATE", "Guild", listed=False)
class GuildApplicationCommandIndexUpdate(Dispatch):
    """A guild's commands were changed; ask for them again."""

    guild_id: Snowflake
    version: str | int | Absent = UNSET


@dispatch("GUILD_APPLIED_BOOSTS_UPDATE", "Guild", listed=False)
class GuildAppliedBoostsUpdate(Dispatch):
    """A boost was applied to a guild, or changed."""

    boost: Payload[PremiumGuildSubscription]


@dispatch("GUILD_POWERUP_ENTITLEMENTS_CREATE", "Guild", listed=False)
class GuildPowerupEntitlementsCreate(Dispatch):
    """A guild unlocked powerups."""

    guild_id: Snowflake
    entitlements: list[Entitlement]


@dispatch("GUILD_POWERUP_ENTITLEMENTS_DELETE", "Guild", listed=False)
class GuildPowerupEntitlementsDelete(Dispatch):
    """A guild lost powerups."""

    guild_id: Snowflake
    entitlements: list[Entitlement]


@dispatch("GUILD_OFFICIAL_GAME_APPLICATIONS_UPDATE", "Guild", listed=False)
class GuildOfficialGameApplicationsUpdate(Dispatch):
    """The games that a guild is the official one of."""

    guild_id: Snowflake
    game_application_ids: list[Snowflake]


@dispatch("GUILD_ONBOARDING_UPDATE", "Guild", listed=False, documented=False)
class GuildOnboardingUpdate(Dispatch):
    """What a guild shows to new members was changed. Only the name is known for certain; the fields
    are those of the guild's onboarding in Discord's documentation."""

    guild_id: Snowflake | Absent = UNSET
    enabled: bool | Absent = UNSET
    mode: int | Absent = UNSET
    default_channel_ids: list[Snowflake] | Absent = UNSET
    prompts: list[dict[str, Any]] | Absent = UNSET


@dispatch("GUILD_DIRECTORY_ENTRY_CREATE", "Guild", listed=False)
class GuildDirectoryEntryCreate(Dispatch):
    """A guild or event was put in a hub's directory."""

    entry: Payload[DirectoryEntry]


@dispatch("GUILD_DIRECTORY_ENTRY_UPDATE", "Guild", listed=False)
class GuildDirectoryEntryUpdate(Dispatch):
    """An entry of a hub's directory was changed."""

    entry: Payload[DirectoryEntry]


@dispatch("GUILD_DIRECTORY_ENTRY_DELETE", "Guild", listed=False)
class GuildDirectoryEntryDelete(Dispatch):
    """An entry of a hub's directory was removed."""

    type: DirectoryEntryType
    directory_channel_id: Snowflake
    guild_id: Snowflake
    entity_id: Snowflake
    created_at: datetime
    primary_category_id: HubCategory | Absent = UNSET
    description: str | None
    author_id: Snowflake


@dispatch("DELETED_ENTITY_IDS", "Guild", listed=False)
class DeletedEntityIds(Dispatch):
    """The ids of all that a guild has, as asked for (op 30); absent: the hash was right."""

    guild_id: Snowflake
    stickers: list[Snowflake] | Absent = UNSET
    roles: list[Snowflake] | Absent = UNSET
    emojis: list[Snowflake] | Absent = UNSET
    channels: list[Snowflake] | Absent = UNSET


@dispatch("GAME_SERVER_CREATE", "Guild", listed=False)
class GameServerCreate(Dispatch):
    """A guild rented a game server."""

    guild_id: Snowflake
    game_server: GameServer


@dispatch("GAME_SERVER_UPDATE", "Guild", listed=False)
class GameServerUpdate(Dispatch):
    """A guild's game server was changed."""

    guild_id: Snowflake
    game_server: GameServer


@dispatch("GAME_SERVER_DELETE", "Guild", listed=False)
class GameServerDelete(Dispatch):
    """A guild's game server is gone."""

    guild_id: Snowflake
    game_server_id: Snowflake


@dispatch("GUILD_MEMBER_ADD", "Guild/Member")
class GuildMemberAdd(Dispatch):
    """Somebody joined a guild."""

    member: Payload[Member]
    guild_id: Snowflake


@dispatch("GUILD_MEMBER_UPDATE", "Guild/Member")
class GuildMemberUpdate(Dispatch):
    """A member, or the user behind it, was changed."""

    guild_id: Snowflake
    user: User
    nick: str | Absent | None = UNSET
    avatar: str | Absent | None = UNSET
    avatar_decoration_data: AvatarDecorationData | Absent | None = UNSET
    banner: str | Absent | None = UNSET
    collectibles: Collectibles | Absent | None = UNSET
    roles: list[Snowflake]
    joined_at: datetime | None
    premium_since: datetime | Absent | None = UNSET
    deaf: bool | Absent = UNSET
    mute: bool | Absent = UNSET
    pending: bool | Absent = UNSET
    communication_disabled_until: datetime | Absent | None = UNSET
    """Until when the member is silenced."""
    unusual_dm_activity_until: datetime | Absent | None = UNSET
    flags: GuildMemberFlags | Absent = UNSET


@dispatch("GUILD_MEMBER_REMOVE", "Guild/Member")
class GuildMemberRemove(Dispatch):
    """Somebody left a guild, or was removed."""

    guild_id: Snowflake
    user: User


@dispatch("GUILD_MEMBERS_CHUNK", "Guild/Member")
class GuildMembersChunk(Dispatch):
    """Members of a guild, as asked for (op 8); more chunks may follow."""

    guild_id: Snowflake
    members: list[Member]
    chunk_index: int
    """Number of this chunk, from 0."""
    chunk_count: int
    not_found: list[Snowflake] | Absent = UNSET
    """Ids that were asked for and are no members."""
    presences: list[Presence] | Absent = UNSET
    nonce: int | str | Absent = UNSET


@dispatch("GUILD_MEMBER_LIST_UPDATE", "Guild/Member", listed=False, documented=False)
class GuildMemberListUpdate(Dispatch):
    """A member list beside a channel, as far as the session is subscribed to ranges of it (ops 14
    and 37): what to do, in this order, with the rows that the client has."""

    guild_id: Snowflake
    id: str
    """The list: "everyone", or a hash of who may view the channels that it stands beside."""
    ops: list[MemberListOp]
    groups: list[MemberListGroup]
    """All groups of the list, in their order, with how many members each has."""
    member_count: int
    online_count: int


@dispatch("GUILD_PRUNE_UPDATE", "Guild/Member", listed=False, documented=False)
class GuildPruneUpdate(Dispatch):
    """How far it is with the members who are removed for their long absence."""

    guild_id: Snowflake | Absent = UNSET
    prune: GuildPrune | Absent = UNSET


@dispatch("PASSIVE_UPDATE_V1", "Guild/Update", listed=False)
class PassiveUpdateV1(Dispatch):
    """What is unread, and who is in voice, in a guild that the session is not subscribed to."""

    guild_id: Snowflake
    channels: list[ChannelUnread]
    voice_states: list[VoiceState] | Absent = UNSET
    members: list[Member] | Absent = UNSET


@dispatch("PASSIVE_UPDATE_V2", "Guild/Update")
class PassiveUpdateV2(Dispatch):
    """PASSIVE_UPDATE_V1 as what has changed since (capability PASSIVE_GUILD_UPDATE_V2)."""

    guild_id: Snowflake
    updated_channels: list[ChannelUnread]
    updated_voice_states: list[VoiceState]
    removed_voice_states: list[Snowflake]
    updated_members: list[Member]


@dispatch("GUILD_ROLE_CREATE", "Guild/Role")
class GuildRoleCreate(Dispatch):
    """A role was created."""

    guild_id: Snowflake
    role: Role


@dispatch("GUILD_ROLE_UPDATE", "Guild/Role")
class GuildRoleUpdate(Dispatch):
    """A role was changed."""

    guild_id: Snowflake
    role: Role


@dispatch("GUILD_ROLE_DELETE", "Guild/Role")
class GuildRoleDelete(Dispatch):
    """A role was deleted."""

    guild_id: Snowflake
    role_id: Snowflake
    version: str | int | Absent = UNSET
