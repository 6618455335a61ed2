"""Scheduled events and stages.

Source: Discord's documentation, "Guild Scheduled Event", "Stage Instance", "Gateway Events".
"""

from __future__ import annotations

from typing import Final

from cluster.sandbox.world.clock import timestamp
from cluster.sandbox.world.event import WorldEvent
from cluster.sandbox.world.objects import channels
from cluster.sandbox.world.objects import guilds as objects
from cluster.sandbox.world.scene import Handler, Scene
from cluster.sandbox.world.state import Guild, Json
from cluster.sandbox.world.traffic.channels import channel_of

_MOST: Final = 20


def _create(scene: Scene, guild: Guild) -> WorldEvent:
    channel = channel_of(scene, guild, (channels.VOICE,))
    made_id = scene.clock.snowflake()
    made = objects.scheduled_event(
        made_id,
        guild.id,
        int(channel["id"]),
        scene.member(guild).user,
        f"event {int(scene.draw.random() * 1000)}",
        timestamp(scene.clock.ms() + 86_400_000),
    )
    guild.scheduled_events[made_id] = made
    return scene.event("GUILD_SCHEDULED_EVENT_CREATE", guild, made)


def event_create(scene: Scene, guild: Guild) -> WorldEvent:
    """An event is planned in a voice channel."""
    if len(guild.scheduled_events) >= _MOST:
        scene.after.append(_delete(scene, guild))
    return scene.last(_create(scene, guild))


def _an_event(scene: Scene, guild: Guild) -> Json:
    if not guild.scheduled_events:
        created = _create(scene, guild)
        scene.after.append(created)
    return next(iter(guild.scheduled_events.values()))


def event_update(scene: Scene, guild: Guild) -> WorldEvent:
    """A planned event is described."""
    event = _an_event(scene, guild)
    event["description"] = f"description {int(scene.draw.random() * 1000)}"
    return scene.last(scene.event("GUILD_SCHEDULED_EVENT_UPDATE", guild, event))


def _delete(scene: Scene, guild: Guild) -> WorldEvent:
    event = _an_event(scene, guild)
    del guild.scheduled_events[int(event["id"])]
    return scene.event("GUILD_SCHEDULED_EVENT_DELETE", guild, event)


def event_delete(scene: Scene, guild: Guild) -> WorldEvent:
    """A planned event is called off."""
    return scene.last(_delete(scene, guild))


def _interest(scene: Scene, guild: Guild, name: str, event: Json) -> WorldEvent:
    data = {
        "guild_scheduled_event_id": event["id"],
        "user_id": str(scene.member(guild).id),
        "guild_id": str(guild.id),
    }
    return scene.event(name, guild, data)


def user_add(scene: Scene, guild: Guild) -> WorldEvent:
    """A member means to come."""
    event = _an_event(scene, guild)
    event["user_count"] += 1
    return scene.last(_interest(scene, guild, "GUILD_SCHEDULED_EVENT_USER_ADD", event))


def user_remove(scene: Scene, guild: Guild) -> WorldEvent:
    """A member does not mean to come any more."""
    event = _an_event(scene, guild)
    added = _interest(scene, guild, "GUILD_SCHEDULED_EVENT_USER_ADD", event)
    scene.after.append(added)
    gone = WorldEvent("GUILD_SCHEDULED_EVENT_USER_REMOVE", guild.id, added.data, added.intents)
    return scene.last(gone)


def _open(scene: Scene, guild: Guild) -> WorldEvent:
    channel = channel_of(scene, guild, (channels.STAGE,))
    made_id = scene.clock.snowflake()
    topic = f"topic {int(scene.draw.random() * 1000)}"
    made = objects.stage_instance(made_id, guild.id, int(channel["id"]), topic)
    guild.stage_instances[made_id] = made
    return scene.event("STAGE_INSTANCE_CREATE", guild, made)


def stage_create(scene: Scene, guild: Guild) -> WorldEvent:
    """A stage goes live; the one that was live ends first."""
    if guild.stage_instances:
        scene.after.append(_close(scene, guild))
    opened = _open(scene, guild)
    return scene.last(opened)


def _a_stage(scene: Scene, guild: Guild) -> Json:
    if not guild.stage_instances:
        opened = _open(scene, guild)
        scene.after.append(opened)
    return next(iter(guild.stage_instances.values()))


def stage_update(scene: Scene, guild: Guild) -> WorldEvent:
    """A live stage gets another topic."""
    stage = _a_stage(scene, guild)
    stage["topic"] = f"topic {int(scene.draw.random() * 1000)}"
    return scene.last(scene.event("STAGE_INSTANCE_UPDATE", guild, stage))


def _close(scene: Scene, guild: Guild) -> WorldEvent:
    stage = _a_stage(scene, guild)
    del guild.stage_instances[int(stage["id"])]
    return scene.event("STAGE_INSTANCE_DELETE", guild, stage)


def stage_delete(scene: Scene, guild: Guild) -> WorldEvent:
    """A stage ends."""
    return scene.last(_close(scene, guild))


HANDLERS: Final[dict[str, Handler]] = {
    "GUILD_SCHEDULED_EVENT_CREATE": event_create,
    "GUILD_SCHEDULED_EVENT_UPDATE": event_update,
    "GUILD_SCHEDULED_EVENT_DELETE": event_delete,
    "GUILD_SCHEDULED_EVENT_USER_ADD": user_add,
    "GUILD_SCHEDULED_EVENT_USER_REMOVE": user_remove,
    "STAGE_INSTANCE_CREATE": stage_create,
    "STAGE_INSTANCE_UPDATE": stage_update,
    "STAGE_INSTANCE_DELETE": stage_delete,
}
