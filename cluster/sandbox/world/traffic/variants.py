"""Messages that are not plain text: replies, mentions, attachments, embeds, polls, the bot's own.

Source: Discord's documentation, "Message Resource" and "Poll Resource".
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from cluster.discord.event_intents import intents_of
from cluster.sandbox.world.clock import timestamp
from cluster.sandbox.world.event import WorldEvent
from cluster.sandbox.world.objects import messages as objects
from cluster.sandbox.world.scene import Scene
from cluster.sandbox.world.state import Guild, Json, Member, Message, encode

_EMPTY_SAID: Final[Json] = {"content": "", "embeds": [], "components": [], "attachments": []}


def remember(
    scene: Scene, guild: Guild, author: Member, head: Json, said: Json, *, seen: bool = False
) -> WorldEvent:
    """MESSAGE_CREATE of a message in two parts, ``said`` being what may be redacted."""
    first, last = encode(head)[:-1] + b",", encode(said)[1:]
    message = Message(int(head["id"]), int(head["channel_id"]), author, first, last)
    message.open = seen
    if "poll" in said:
        message.poll = []
    guild.remember(message)
    return WorldEvent(
        "MESSAGE_CREATE",
        guild.id,
        first + last,
        intents_of("MESSAGE_CREATE", guild.id),
        None if seen else first + encode(_EMPTY_SAID)[1:],
        unseen=message.channel_id in guild.unseen,
    )


def _head(scene: Scene, guild: Guild, author: Member) -> Json:
    channels = guild.text_channels
    return objects.head(
        scene.clock.snowflake(),
        channels[int(scene.draw.random() * len(channels))],
        msgspec.Raw(author.user_json),
        scene.clock.timestamp().decode(),
    ) | {"guild_id": str(guild.id), "member": msgspec.Raw(author.json)}


def _reply(scene: Scene, guild: Guild) -> WorldEvent:
    author = scene.member(guild)
    head = _head(scene, guild, author)
    said = objects.said("a reply")
    if guild.messages:
        answered = guild.messages[int(scene.draw.random() * len(guild.messages))]
        head["type"] = 19
        head["channel_id"] = str(answered.channel_id)
        head["message_reference"] = {
            "type": 0,
            "message_id": str(answered.id),
            "channel_id": str(answered.channel_id),
            "guild_id": str(guild.id),
        }
        head["mentions"] = [guild.mention(answered.author.user)]
        if b'"referenced_message":' not in answered.said:
            # One level only: a chain of replies would grow without end.
            said["referenced_message"] = msgspec.Raw(answered.quoted())
    return remember(scene, guild, author, head, said)


def _by_the_bot(scene: Scene, guild: Guild) -> WorldEvent:
    bot = guild.member_list[0]
    said = objects.said("said the bot")
    said["components"] = [objects.button_row(scene.clock.snowflake())]
    head = _head(scene, guild, bot) | {"application_id": scene.bot["id"]}
    return remember(scene, guild, bot, head, said, seen=True)


def _to_the_bot(scene: Scene, guild: Guild) -> WorldEvent:
    author, bot = scene.member(guild), guild.member_list[0]
    head = _head(scene, guild, author)
    head["mentions"] = [guild.mention(bot.user)]
    return remember(scene, guild, author, head, objects.said(f"<@{bot.id}> hello"), seen=True)


def _with_attachment(scene: Scene, guild: Guild) -> WorldEvent:
    author = scene.member(guild)
    said = objects.said("look")
    head = _head(scene, guild, author)
    said["attachments"] = [objects.attachment(scene.clock.snowflake(), int(head["channel_id"]))]
    return remember(scene, guild, author, head, said)


def _with_embed(scene: Scene, guild: Guild) -> WorldEvent:
    author = scene.member(guild)
    said = objects.said("https://example.com/page")
    said["embeds"] = [objects.embed(scene.clock.timestamp().decode())]
    head = _head(scene, guild, author)
    if guild.free_roles:
        head["mention_roles"] = guild.free_roles[:1]
    return remember(scene, guild, author, head, said)


def poll_message(scene: Scene, guild: Guild) -> WorldEvent:
    """A member asks all the others."""
    author = scene.member(guild)
    said: dict[str, Any] = objects.said("")
    said["poll"] = objects.poll(timestamp(scene.clock.ms() + 86_400_000))
    return remember(scene, guild, author, _head(scene, guild, author), said)


_VARIANTS: Final = (
    _reply,
    _reply,
    _reply,
    _by_the_bot,
    _to_the_bot,
    _with_attachment,
    _with_embed,
    poll_message,
)


def variant(scene: Scene, guild: Guild) -> WorldEvent:
    """MESSAGE_CREATE of one of the kinds above."""
    return _VARIANTS[int(scene.draw.random() * len(_VARIANTS))](scene, guild)
