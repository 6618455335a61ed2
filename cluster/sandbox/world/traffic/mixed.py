"""What the weight of MESSAGE_CREATE in a mix stands for: messages and what becomes of them."""

from __future__ import annotations

from cluster.sandbox.world.event import WorldEvent
from cluster.sandbox.world.scene import Scene
from cluster.sandbox.world.state import Guild
from cluster.sandbox.world.traffic import direct, messages, reactions


def talk(scene: Scene, guild: Guild) -> WorldEvent:
    """Make a message (84 of 100 times), a reaction (6), an edit (4), a deletion (2), take back a
    reaction (2), make a vote (1) or a direct message (1).

    What needs a message where none is remembered is a new one.
    """
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
