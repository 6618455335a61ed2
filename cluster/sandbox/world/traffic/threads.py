"""Threads and who is in them.

Source: Discord's documentation, "Topics / Threads" and "Gateway Events" (Thread Create ...).
"""

from __future__ import annotations

from typing import Final

from cluster.discord.intents import Intents
from cluster.sandbox.world.event import WorldEvent
from cluster.sandbox.world.objects import channels as objects
from cluster.sandbox.world.scene import Handler, Scene
from cluster.sandbox.world.state import Guild, Json
from cluster.sandbox.world.traffic import access
from cluster.sandbox.world.traffic.channels import channel_of

_MOST: Final = 50
"""Threads of a guild past which one goes before another is made."""


def thread_create(scene: Scene, guild: Guild) -> WorldEvent:
    """A member opens a thread in a text channel or a forum."""
    if len(guild.threads) >= _MOST:
        scene.after.append(_delete(guild, scene, next(iter(guild.threads.values()))))
    return scene.last(_create(scene, guild))


def _create(scene: Scene, guild: Guild) -> WorldEvent:
    parent = channel_of(scene, guild, (objects.TEXT, objects.FORUM))
    owner = scene.member(guild)
    thread_id = scene.clock.snowflake()
    created_at = scene.clock.timestamp().decode()
    forum = parent["type"] == objects.FORUM
    made = objects.thread(
        thread_id,
        guild.id,
        int(parent["id"]),
        owner.id,
        f"thread {int(scene.draw.random() * 1000)}",
        created_at=created_at,
        tags=[tag["id"] for tag in parent["available_tags"]] if forum else None,
    )
    member = objects.thread_member(thread_id, owner.id, created_at)
    guild.add_thread(made, {owner.id: member})
    if forum:
        parent["last_message_id"] = str(thread_id)
    return scene.event("THREAD_CREATE", guild, made | {"newly_created": True})


def _a_thread(scene: Scene, guild: Guild) -> Json:
    """A thread; opened, its event in ``scene.after``, when there is none."""
    if not guild.threads:
        created = _create(scene, guild)
        scene.after.append(created)
    threads = [t for i, t in guild.threads.items() if i not in guild.unseen]
    threads = threads or list(guild.threads.values())
    return threads[int(scene.draw.random() * len(threads))]


def thread_update(scene: Scene, guild: Guild) -> WorldEvent:
    """A thread is renamed."""
    thread = _a_thread(scene, guild)
    thread["name"] = f"thread {int(scene.draw.random() * 1000)}"
    return scene.last(scene.event("THREAD_UPDATE", guild, thread))


def _delete(guild: Guild, scene: Scene, thread: Json) -> WorldEvent:
    guild.forget_channel(int(thread["id"]))
    data = {key: thread[key] for key in ("id", "guild_id", "parent_id", "type")}
    return scene.event("THREAD_DELETE", guild, data)


def thread_delete(scene: Scene, guild: Guild) -> WorldEvent:
    """A thread is deleted."""
    thread = _a_thread(scene, guild)
    return scene.last(_delete(guild, scene, thread))


def thread_list_sync(scene: Scene, guild: Guild) -> WorldEvent:
    """The bot gained access to a channel: its threads, and those that the bot is in."""
    thread = _a_thread(scene, guild)
    return scene.last(access.thread_list_sync(scene, guild, [thread["parent_id"]]))


def _join(scene: Scene, guild: Guild, thread: Json, user_id: int) -> Json:
    thread_id = int(thread["id"])
    joined_at = scene.clock.timestamp().decode()
    made = objects.thread_member(thread_id, user_id, joined_at)
    guild.thread_members[thread_id][user_id] = made
    thread["member_count"] = len(guild.thread_members[thread_id])
    return made


def thread_member_update(scene: Scene, guild: Guild) -> WorldEvent:
    """The bot's own membership of a thread changed."""
    thread = _a_thread(scene, guild)
    own = guild.thread_members[int(thread["id"])].get(scene.bot_id)
    if own is None:
        own = _join(scene, guild, thread, scene.bot_id)
        scene.after.append(_members_update(scene, guild, thread, [own], []))
    own["muted"] = not own["muted"]
    data = own | {"guild_id": str(guild.id)}
    return scene.last(scene.event("THREAD_MEMBER_UPDATE", guild, data))


def thread_members_update(scene: Scene, guild: Guild) -> WorldEvent:
    """A member joins a thread, or leaves it who was in it."""
    thread = _a_thread(scene, guild)
    member = scene.member(guild)
    members = guild.thread_members[int(thread["id"])]
    if member.id in members:
        del members[member.id]
        thread["member_count"] = len(members)
        return scene.last(_members_update(scene, guild, thread, [], [member.id]))
    joined = _join(scene, guild, thread, member.id)
    return scene.last(_members_update(scene, guild, thread, [joined], []))


def left(scene: Scene, guild: Guild, user_id: int) -> list[WorldEvent]:
    """Take somebody who leaves the guild out of its threads; the events of that."""
    events: list[WorldEvent] = []
    for thread_id, members in guild.thread_members.items():
        if members.pop(user_id, None) is not None:
            thread = guild.threads[thread_id]
            thread["member_count"] = len(members)
            events.append(_members_update(scene, guild, thread, [], [user_id]))
    return events


def _members_update(
    scene: Scene, guild: Guild, thread: Json, added: list[Json], removed: list[int]
) -> WorldEvent:
    """Sent to sessions with GUILD_MEMBERS; to those with GUILDS only when it is about the bot."""
    data = {
        "id": thread["id"],
        "guild_id": str(guild.id),
        "member_count": thread["member_count"],
        "added_members": [
            one | {"member": guild.members[int(one["user_id"])].full(), "presence": None}
            for one in added
        ],
        "removed_member_ids": [str(user_id) for user_id in removed],
    }
    event = scene.event("THREAD_MEMBERS_UPDATE", guild, data)
    about_bot = any(one["user_id"] == scene.bot["id"] for one in added)
    if not about_bot and scene.bot_id not in removed:
        event.intents = int(Intents.GUILD_MEMBERS)
    return event


HANDLERS: Final[dict[str, Handler]] = {
    "THREAD_CREATE": thread_create,
    "THREAD_UPDATE": thread_update,
    "THREAD_DELETE": thread_delete,
    "THREAD_LIST_SYNC": thread_list_sync,
    "THREAD_MEMBER_UPDATE": thread_member_update,
    "THREAD_MEMBERS_UPDATE": thread_members_update,
}
