"""Direct messages to the bot: they have no guild and come on shard 0, content and all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from cluster.sandbox.world.clock import snowflake_at
from cluster.sandbox.world.event import WorldEvent
from cluster.sandbox.world.names import SENTENCES
from cluster.sandbox.world.objects import messages as objects
from cluster.sandbox.world.scene import Direct, Scene

_MOST: Final = 8
"""People who write to the bot."""
_REMEMBERED: Final = 16


def _words(scene: Scene) -> str:
    return SENTENCES[int(scene.draw.random() * len(SENTENCES))]


def _someone(scene: Scene) -> Direct:
    draw = scene.draw
    if len(scene.directs) < _MOST:
        now = scene.clock.ms()
        user_id = snowflake_at(
            now - 10**10 - int(draw.random() * 10**10), int(draw.random() * 4096)
        )
        user = scene.population.person(draw, user_id)
        scene.directs.append(Direct(scene.clock.snowflake(), user))
    return scene.directs[int(draw.random() * len(scene.directs))]


def message_create(scene: Scene) -> WorldEvent:
    """Somebody writes to the bot."""
    return _write(scene, _someone(scene))


def _write(scene: Scene, direct: Direct) -> WorldEvent:
    made = objects.message(
        scene.clock.snowflake(),
        direct.channel_id,
        direct.user,
        _words(scene),
        scene.clock.timestamp().decode(),
    )
    made["nonce"] = made["id"]
    direct.messages.append(made)
    del direct.messages[:-_REMEMBERED]
    return scene.event("MESSAGE_CREATE", None, made)


def message_update(scene: Scene) -> WorldEvent:
    """Somebody edits the last message that they wrote."""
    direct = _someone(scene)
    created = None if direct.messages else _write(scene, direct)
    message = direct.messages[-1]
    message["content"] = _words(scene)
    message["edited_timestamp"] = scene.clock.timestamp().decode()
    return scene.first(created, scene.event("MESSAGE_UPDATE", None, message))


def message_delete(scene: Scene) -> WorldEvent:
    """Somebody deletes the last message that they wrote."""
    direct = _someone(scene)
    created = None if direct.messages else _write(scene, direct)
    gone = direct.messages.pop()
    data = {"id": gone["id"], "channel_id": gone["channel_id"]}
    return scene.first(created, scene.event("MESSAGE_DELETE", None, data))


def reaction_add(scene: Scene) -> WorldEvent:
    """Somebody reacts to a message of their own that nobody reacted to."""
    direct = _someone(scene)
    created = _write(scene, direct)
    message = direct.messages[-1]
    data = {
        "user_id": direct.user["id"],
        "type": 0,
        "message_id": message["id"],
        "message_author_id": direct.user["id"],
        "emoji": {"id": None, "name": "\N{EYES}"},
        "channel_id": message["channel_id"],
        "burst": False,
    }
    return scene.first(created, scene.event("MESSAGE_REACTION_ADD", None, data))


def typing_start(scene: Scene) -> WorldEvent:
    """Somebody types to the bot."""
    direct = _someone(scene)
    data = {
        "channel_id": str(direct.channel_id),
        "user_id": direct.user["id"],
        "timestamp": scene.clock.seconds(),
    }
    return scene.event("TYPING_START", None, data)


DIRECT_HANDLERS: Final[dict[str, Callable[[Scene], WorldEvent]]] = {
    "MESSAGE_CREATE": message_create,
    "MESSAGE_UPDATE": message_update,
    "MESSAGE_DELETE": message_delete,
    "MESSAGE_REACTION_ADD": reaction_add,
    "TYPING_START": typing_start,
}
"""Event name -> what makes it happen in a direct message."""
