"""Messages in guilds and direct ones: written, edited, deleted, in this order only.

Source: Discord's documentation, "Gateway Events" (Message Create ...), "Message Resource" and, for
what a session without MESSAGE_CONTENT gets, "Gateway", "Message Content Intent".
"""

from __future__ import annotations

from typing import Final

from cluster.discord.intents import Intents
from cluster.sandbox.world.event import WorldEvent
from cluster.sandbox.world.names import SENTENCES
from cluster.sandbox.world.scene import Handler, Scene
from cluster.sandbox.world.state import Guild, Message, encode
from cluster.sandbox.world.traffic.variants import variant

_MESSAGES_BIT: Final = int(Intents.GUILD_MESSAGES)

# One template for what is written a thousand times a second: encoding a dict of this size takes
# five times as long as filling in eight holes.
_HEAD: Final = (
    b'{"type":0,"tts":false,"timestamp":"%b","pinned":false,"nonce":"%d","mentions":[],'
    b'"mention_roles":[],"mention_everyone":false,"mention_channels":[],"member":%b,"id":"%d",'
    b'"flags":0,"edited_timestamp":null,"channel_id":"%d","author":%b,'
    b'"sticker_items":[],"guild_id":"%d",'
)
_NOT_EDITED: Final = b'"edited_timestamp":null'
REDACTED: Final = b'"content":"","embeds":[],"components":[],"attachments":[]}'
"""What a session without MESSAGE_CONTENT gets in place of what was said."""


_CONTENTS: Final = tuple(
    b'"content":%b,"embeds":[],"components":[],"attachments":[]}' % encode(sentence)
    for sentence in SENTENCES
)


def message_create(scene: Scene, guild: Guild) -> WorldEvent:
    """A member writes in a text channel; the message is remembered."""
    draw = scene.draw.random
    chance = draw()
    if chance < 0.03:
        return variant(scene, guild)
    channels = guild.text_channels
    return _write(scene, guild, channels[int(draw() * len(channels))])


def _write(scene: Scene, guild: Guild, channel_id: int) -> WorldEvent:
    member = scene.member(guild)
    message_id, sent_at = scene.clock.moment()
    author, guild_id = member.user_json, guild.id
    head = _HEAD % (sent_at, message_id, member.json, message_id, channel_id, author, guild_id)
    said = _CONTENTS[int(scene.draw.random() * 512)]
    guild.remember(Message(message_id, channel_id, member, head, said))
    return WorldEvent(
        "MESSAGE_CREATE",
        guild_id,
        head + said,
        _MESSAGES_BIT,
        head + REDACTED,
        unseen=channel_id in guild.unseen,
    )


def a_message(scene: Scene, guild: Guild) -> tuple[Message, WorldEvent | None]:
    """A message that is still remembered, or a new one and the event that it was written."""
    messages = guild.messages
    if messages:
        return messages[int(scene.draw.random() * len(messages))], None
    created = message_create(scene, guild)
    return messages[-1], created


def message_update(scene: Scene, guild: Guild) -> WorldEvent:
    """A remembered message is edited: the event carries the whole message."""
    message, created = a_message(scene, guild)
    marked = b'"edited_timestamp":"%b"' % scene.clock.timestamp()
    head = message.head_now(guild).replace(_NOT_EDITED, marked, 1)
    if message.poll is None:
        # A poll can't be edited; its update is the same message again.
        message.said = _CONTENTS[int(scene.draw.random() * 512)]
    data = head + message.said
    redacted = None if message.open else head + REDACTED
    updated = WorldEvent("MESSAGE_UPDATE", guild.id, data, _MESSAGES_BIT, redacted)
    updated.unseen = message.channel_id in guild.unseen
    return scene.first(created, updated)


def message_delete(scene: Scene, guild: Guild) -> WorldEvent:
    """A remembered message is deleted."""
    message, created = a_message(scene, guild)
    guild.messages.remove(message)
    data = b'{"id":"%d","channel_id":"%d","guild_id":"%d"}'
    deleted = WorldEvent(
        "MESSAGE_DELETE", guild.id, data % (message.id, message.channel_id, guild.id), _MESSAGES_BIT
    )
    deleted.unseen = message.channel_id in guild.unseen
    return scene.first(created, deleted)


def message_delete_bulk(scene: Scene, guild: Guild) -> WorldEvent:
    """Two to ten remembered messages of one channel are deleted at once; Discord refuses to
    delete fewer so."""
    message, created = a_message(scene, guild)
    if created is not None:
        scene.after.append(created)
    gone = [m for m in guild.messages if m.channel_id == message.channel_id][:10]
    for one in gone:
        guild.messages.remove(one)
    if len(gone) < 2:
        scene.after.append(_write(scene, guild, message.channel_id))
        gone.append(guild.messages.pop())
    deleted = scene.event(
        "MESSAGE_DELETE_BULK",
        guild,
        {
            "ids": [str(m.id) for m in gone],
            "channel_id": str(message.channel_id),
            "guild_id": str(guild.id),
        },
    )
    return scene.last(deleted)


HANDLERS: Final[dict[str, Handler]] = {
    "MESSAGE_CREATE": message_create,
    "MESSAGE_UPDATE": message_update,
    "MESSAGE_DELETE": message_delete,
    "MESSAGE_DELETE_BULK": message_delete_bulk,
}
