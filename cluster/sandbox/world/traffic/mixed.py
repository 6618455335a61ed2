"""What the weight of MESSAGE_CREATE in a mix stands for: messages and what becomes of them."""

from __future__ import annotations

from cluster.sandbox.world.event import WorldEvent
from cluster.sandbox.world.scene import Scene
from cluster.sandbox.world.state import Guild
from cluster.sandbox.world.traffic import direct, messages, reactions


def talk(scene: Scene, guild: Guild) -> WorldEvent:
    """Of a hundred: 84 new messages, 6 reactions, 4 edits, 2 deletions, 2 reactions taken back,
    1 in a direct message, 1 vote. What needs a message where none is remembered is a new one."""
    chance = scene.draw.random()
    if chance < 0.84 or not guild.messages:
        return messages.message_create(scene, guild)
    if chance < 0.90:
        return reactions.reaction_add(scene, guild)
    if chance < 0.94:
        return messages.message_update(scene, guild)
    if chance < 0.96:
        return messages.message_delete(scene, guild)
    if chance < 0.98:
        return reactions.reaction_remove(scene, guild)
    if chance < 0.99:
        return reactions.vote_add(scene, guild)
    return direct.message_create(scene)
