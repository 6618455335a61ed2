"""Messages: written, edited, reacted to, deleted, in this order only.

Source: Discord's documentation, "Gateway Events" (Message Create ...) and "Message Resource".
"""

from __future__ import annotations

import random
from typing import Final

from cluster.gateway import Intents
from cluster.sandbox.world.event import WorldEvent
from cluster.sandbox.world.names import sentence
from cluster.sandbox.world.scene import Handler, Scene
from cluster.sandbox.world.state import Guild, Message, encode

_MESSAGES_BIT: Final = int(Intents.GUILD_MESSAGES)
_REACTIONS_BIT: Final = int(Intents.GUILD_MESSAGE_REACTIONS)

_CREATE: Final = (
    b'{"type":0,"tts":false,"timestamp":"%b","pinned":false,"nonce":"%d","mentions":[],'
    b'"mention_roles":[],"mention_everyone":false,"mention_channels":[],"member":%b,"id":"%d",'
    b'"flags":0,"edited_timestamp":null,"channel_type":0,"channel_id":"%d","author":%b,'
    b'"sticker_items":[],"guild_id":"%d",'
)
_REDACTED: Final = b'"content":"","embeds":[],"components":[],"attachments":[]}'
"""What a session without MESSAGE_CONTENT gets in place of what was said."""


def _contents() -> tuple[bytes, ...]:
    draw = random.Random("contents")
    return tuple(
        b'"content":%b,"embeds":[],"components":[],"attachments":[]}' % encode(sentence(draw))
        for _ in range(512)
    )


_CONTENTS: Final = _contents()


def new_message(scene: Scene, guild: Guild) -> WorldEvent:
    """A member writes in a text channel; the message is remembered."""
    draw = scene.draw.random
    member = scene.member(guild)
    channels = guild.text_channels
    channel_id = channels[int(draw() * len(channels))]
    message_id = scene.clock.snowflake()
    head = _CREATE % (
        scene.clock.timestamp(),
        message_id,
        member.json,
        message_id,
        channel_id,
        member.user_json,
        guild.id,
    )
    data = head + _CONTENTS[int(draw() * 512)]
    guild.messages.append(Message(message_id, channel_id, member.id, data))
    return WorldEvent("MESSAGE_CREATE", guild.id, data, _MESSAGES_BIT, head + _REDACTED)


HANDLERS: Final[dict[str, Handler]] = {"MESSAGE_CREATE": new_message}
