"""How a guild is made from the world's seed and its id: equal each time, in any order."""

from __future__ import annotations

import random
from itertools import islice
from typing import Final

from cluster.discord.intents import Intents
from cluster.discord.limits import SNOWFLAKE_EPOCH_MS
from cluster.sandbox.options import SandboxOptions
from cluster.sandbox.world.clock import created_ms, snowflake_at, timestamp
from cluster.sandbox.world.names import CHANNEL_WORDS, ROLE_WORDS, guild_name, person
from cluster.sandbox.world.objects import channels as channel_objects
from cluster.sandbox.world.objects import guilds as guild_objects
from cluster.sandbox.world.objects import users as user_objects
from cluster.sandbox.world.permissions import ADMINISTRATOR, ALL_PERMISSIONS, VIEW_CHANNEL
from cluster.sandbox.world.presences import own_presence, some_presence
from cluster.sandbox.world.state import Guild, Json, Member

STRIDE_MS: Final = 2_882_880
"""Guild i is made at a multiple of this many milliseconds, plus i. It is divisible by every number
to 16 and by 64, so `(id >> 22) % shard_count` deals guilds out in turn for such shard counts."""
FIRST_MS: Final = 1_483_228_800_000 - (1_483_228_800_000 - SNOWFLAKE_EPOCH_MS) % STRIDE_MS
"""2017: no guild is older."""
STRIDES: Final = 80_000
"""Strides from FIRST_MS in which guilds are made: to 2024."""
SETTLED_MS: Final = 1_735_689_600_000
"""2025: what a guild is born with is older than this."""

EVERYONE_PERMISSIONS: Final = 0x0006_65E3_7F9D_DE41
BOT_PERMISSIONS: Final = ALL_PERMISSIONS & ~ADMINISTRATOR
"""All but one, with which it would view every channel."""
_KINDS: Final = (
    channel_objects.TEXT,
    channel_objects.VOICE,
    channel_objects.CATEGORY,
    channel_objects.TEXT,
    channel_objects.ANNOUNCEMENT,
    channel_objects.FORUM,
    channel_objects.STAGE,
    channel_objects.TEXT,
)


def guild_ids(options: SandboxOptions) -> list[int]:
    """The ids of all guilds, in the order in which the world knows them."""
    draw = random.Random(f"{options.seed}/guilds")
    return [
        snowflake_at(
            FIRST_MS + draw.randrange(STRIDES) * STRIDE_MS + index, draw.randrange(1 << 17)
        )
        for index in range(options.guilds)
    ]


class Population:
    """Makes guilds, and the people who join them later."""

    def __init__(self, options: SandboxOptions, bot: Json) -> None:
        self._options = options
        self.bot = bot
        """The bot's user as others see it: one dict in every guild."""
        self.bot_presence = own_presence({"status": "online"})

    def guild(self, guild_id: int) -> Guild:
        """Make a guild as it is before anything happened in it."""
        draw = random.Random(f"{self._options.seed}/guild/{guild_id}")
        born = created_ms(guild_id)
        guild = Guild(guild_id, timestamp(draw.randrange(born, SETTLED_MS)))
        self._add_roles(guild, draw, born)
        self._add_members(guild, draw, born)
        self._add_channels(guild, draw, born)
        self._add_expressions(guild, draw, born)
        self._add_fields(guild, draw)
        guild.set_hidden(guild.hidden_from_bot())
        return guild

    def person(self, draw: random.Random, user_id: int) -> Json:
        """Make a user, who is in no guild yet."""
        username, global_name, avatar = person(draw)
        return user_objects.user(user_id, username, global_name, avatar=avatar)

    def _add_roles(self, guild: Guild, draw: random.Random, born: int) -> None:
        guild.roles[guild.id] = guild_objects.role(
            guild.id, "@everyone", position=0, permissions=EVERYONE_PERMISSIONS
        )
        bot_role = guild_objects.role(
            snowflake_at(born + 1), self.bot["username"], position=1, permissions=BOT_PERMISSIONS
        )
        bot_role |= {"managed": True, "tags": {"bot_id": self.bot["id"]}}
        guild.add_role(bot_role)
        for number in range(2, max(2, self._options.roles_per_guild)):
            made = guild_objects.role(
                snowflake_at(born + number),
                ROLE_WORDS[number % len(ROLE_WORDS)],
                position=number,
                permissions=EVERYONE_PERMISSIONS,
                color=draw.randrange(1 << 24),
            )
            guild.add_role(made)

    def _add_members(self, guild: Guild, draw: random.Random, born: int) -> None:
        everyone, bot_role, *others = [str(role_id) for role_id in guild.roles]
        assert everyone == str(guild.id)
        guild.add_member(
            Member(self.bot, user_objects.member([bot_role], guild.joined_at), self.bot_presence)
        )
        chance, bits = draw.random, draw.getrandbits
        before_ms, since_ms = born - SNOWFLAKE_EPOCH_MS - 1, SETTLED_MS - born
        for _ in range(max(1, self._options.members_per_guild - 1)):
            made_ms = SNOWFLAKE_EPOCH_MS + 1 + int(chance() * before_ms)
            user_id = snowflake_at(made_ms, bits(22))
            if user_id in guild.members:
                continue
            first = int(chance() * (len(others) + 1))
            data = user_objects.member(
                others[first : first + int(chance() * 3)],
                timestamp(born + int(chance() * since_ms)),
                nick=None if chance() < 0.8 else f"nick {bits(16)}",
            )
            guild.add_member(Member(self.person(draw, user_id), data, some_presence(draw)))

    def _add_channels(self, guild: Guild, draw: random.Random, born: int) -> None:
        wanted = max(1, self._options.channels_per_guild)
        kinds = [_KINDS[n % len(_KINDS)] for n in range(wanted)]
        base = 1_000
        text = [n for n, kind in enumerate(kinds) if kind == channel_objects.TEXT]
        hidden = text[1:][::-1][: self._options.hidden_channels_per_guild]
        category = next(
            (snowflake_at(born + base + n) for n, k in enumerate(kinds) if k == 4), None
        )
        for number, kind in enumerate(kinds):
            overwrites = (
                [channel_objects.overwrite(guild.id, 0, deny=1 << 11)] if number == 4 else []
            )
            if number in hidden:
                overwrites = self._staff_only(guild)
            made = channel_objects.channel(
                kind,
                snowflake_at(born + base + number),
                guild.id,
                f"{CHANNEL_WORDS[number % len(CHANNEL_WORDS)]}-{number}" if number else "general",
                position=number,
                parent_id=category if kind != channel_objects.CATEGORY else None,
                overwrites=overwrites,
            )
            guild.channels[int(made["id"])] = made
        self._settle_in_voice(guild, draw)

    def _staff_only(self, guild: Guild) -> list[Json]:
        """The overwrites of a channel that only a role can view, which the bot does not have."""
        closed = channel_objects.overwrite(guild.id, 0, deny=VIEW_CHANNEL)
        staff = (channel_objects.overwrite(int(r), 0, allow=VIEW_CHANNEL) for r in guild.free_roles)
        return [closed, *islice(staff, 1)]

    def _settle_in_voice(self, guild: Guild, draw: random.Random) -> None:
        voice = [i for i, c in guild.channels.items() if c["type"] == channel_objects.VOICE]
        if not voice:
            return
        for member in draw.sample(guild.member_list[1:], min(2, len(guild.member_list) - 1)):
            session = f"{draw.getrandbits(128):032x}"
            guild.voice_states[member.id] = user_objects.voice_state(
                member.id, guild.id, voice[0], session, None
            )

    def _add_expressions(self, guild: Guild, draw: random.Random, born: int) -> None:
        maker = guild.member_list[draw.randrange(1, len(guild.member_list))].user
        for number in range(2):
            made = guild_objects.emoji(
                snowflake_at(born + 50_000 + number), f"wave_{number}", maker
            )
            guild.emojis[int(made["id"])] = made
        sticker = guild_objects.sticker(snowflake_at(born + 51_000), "hello", guild.id, maker)
        guild.stickers[int(sticker["id"])] = sticker
        sound = guild_objects.soundboard_sound(snowflake_at(born + 52_000), "bell", guild.id, maker)
        guild.sounds[int(sound["sound_id"])] = sound

    def _add_fields(self, guild: Guild, draw: random.Random) -> None:
        first: dict[int, str] = {}
        for channel in guild.channels.values():
            first.setdefault(channel["type"], channel["id"])
        text = first[channel_objects.TEXT]
        guild.data = guild_objects.guild(
            guild.id,
            guild_name(draw),
            guild.member_list[1].id,
            features=["COMMUNITY", "NEWS"],
            channels={
                "system": text,
                "rules": text,
                "public_updates": text,
                "afk": first.get(channel_objects.VOICE),
            },
        )


def application_flags(privileged: int) -> int:
    """Application flags that say which privileged intents the application has."""
    return (
        (1 << 12 if privileged & Intents.GUILD_PRESENCES else 0)
        | (1 << 14 if privileged & Intents.GUILD_MEMBERS else 0)
        | (1 << 18 if privileged & Intents.MESSAGE_CONTENT else 0)
    )
