"""What the bot may view: roles and overwrites that change, and what follows from it.

Sources: Discord's documentation, "Channels Resource" ("Obfuscated Channels": CHANNEL_UPDATE when a
channel can be viewed, and its category with it) and "Topics / Threads" ("Channel Access":
THREAD_LIST_SYNC on gaining access, no THREAD_DELETE on losing it). That a channel which is lost
comes as CHANNEL_UPDATE, too, is nowhere said; without it nobody could tell.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from cluster.sandbox.world.event import WorldEvent
from cluster.sandbox.world.objects import channels as objects
from cluster.sandbox.world.permissions import VIEW_CHANNEL
from cluster.sandbox.world.scene import Scene
from cluster.sandbox.world.state import Guild, Json, encode

_WITH_THREADS: Final = (objects.TEXT, objects.ANNOUNCEMENT, objects.FORUM)


def channel_event(scene: Scene, name: str, guild: Guild, channel: Json) -> WorldEvent:
    """Make an event of a channel: obfuscated if the bot can't view it."""
    if int(channel["id"]) not in guild.hidden:
        return scene.event(name, guild, channel)
    event = scene.event(name, guild, objects.obfuscated(channel))
    event.whole = encode(channel)
    return event


def thread_list_sync(scene: Scene, guild: Guild, parents: Sequence[str]) -> WorldEvent:
    """Make THREAD_LIST_SYNC of channels, by their ids; the bot hears of those that it can view."""
    threads = [t for t in guild.threads.values() if t["parent_id"] in parents]
    members = (guild.thread_members[int(t["id"])].get(scene.bot_id) for t in threads)
    data = {
        "guild_id": str(guild.id),
        "channel_ids": list(parents),
        "threads": threads,
        "members": [member for member in members if member is not None],
    }
    event = scene.event("THREAD_LIST_SYNC", guild, data)
    event.unseen = any(int(parent) in guild.hidden for parent in parents)
    return event


def review(scene: Scene, guild: Guild, updated: int | None = None) -> list[WorldEvent]:
    """Make the events of the channels that the bot can view now, and that it can view no more.

    updated: a channel whose CHANNEL_UPDATE is due in any case; it comes first.
    """
    guild.review = False
    before, now = guild.hidden, guild.hidden_from_bot()
    guild.set_hidden(now)
    changed = [i for i in guild.channels if (i in before) != (i in now) and i != updated]
    if updated is not None:
        changed.insert(0, updated)
    made = [channel_event(scene, "CHANNEL_UPDATE", guild, guild.channels[i]) for i in changed]
    gained = [guild.channels[i] for i in changed if i in before and i not in now]
    parents = [channel["id"] for channel in gained if channel["type"] in _WITH_THREADS]
    if parents:
        made.append(thread_list_sync(scene, guild, parents))
    return made


def set_overwrites(
    scene: Scene, guild: Guild, channel_id: int, overwrites: list[Json]
) -> WorldEvent:
    """A channel gets other overwrites."""
    guild.channels[channel_id]["permission_overwrites"] = overwrites
    scene.after.extend(review(scene, guild, channel_id))
    return scene.after.popleft()


def make_private_or_public(scene: Scene, guild: Guild, channel: Json) -> WorldEvent:
    """A channel that @everyone can't view is opened for all; another one is closed."""
    others = [one for one in channel["permission_overwrites"] if one["id"] != str(guild.id)]
    if len(others) == len(channel["permission_overwrites"]):
        others.insert(0, objects.overwrite(guild.id, 0, deny=VIEW_CHANNEL))
    return set_overwrites(scene, guild, int(channel["id"]), others)
