"""Guilds, roles, bans and what the audit log says of them.

Source: Discord's documentation, "Gateway Events" (Guilds) and "Audit Log".
"""

from __future__ import annotations

from typing import Final

from cluster.discord.event_intents import intents_of
from cluster.discord.intents import ALL_INTENTS
from cluster.sandbox.world.event import WorldEvent
from cluster.sandbox.world.guild_create import guild_create
from cluster.sandbox.world.names import ROLE_WORDS
from cluster.sandbox.world.objects import guilds as objects
from cluster.sandbox.world.permissions import VIEW_CHANNEL
from cluster.sandbox.world.scene import Handler, Scene
from cluster.sandbox.world.state import Guild, Json
from cluster.sandbox.world.traffic import people

_ACCESS_CHANGES: Final = 1 / 8
"""Share of GUILD_ROLE_UPDATE that may change which channels the bot can view."""
_MOST_ROLES: Final = 100
_MOST_BANS: Final = 100


def appear(guild: Guild) -> WorldEvent:
    """GUILD_CREATE: the guild is there (again). Its data is what a session with all intents sees;
    for another session it is to be rendered anew (`World.guild_create`)."""
    guild.unavailable = False
    data = guild_create(guild, intents=int(ALL_INTENTS), large_threshold=250)
    return WorldEvent("GUILD_CREATE", guild.id, data, intents_of("GUILD_CREATE", guild.id))


def guild_appears(scene: Scene, guild: Guild) -> WorldEvent:
    """An outage ends; of a guild that has none, one begins first."""
    if not guild.unavailable:
        scene.after.append(guild_delete(scene, guild))
    return scene.last(appear(guild))


def guild_delete(scene: Scene, guild: Guild) -> WorldEvent:
    """An outage hides the guild (`unavailable: true`); its next event is GUILD_CREATE."""
    guild.unavailable = True
    return scene.event("GUILD_DELETE", guild, {"id": str(guild.id), "unavailable": True})


def guild_update(scene: Scene, guild: Guild) -> WorldEvent:
    """The guild gets another description and verification level."""
    guild.data["description"] = f"description {int(scene.draw.random() * 1000)}"
    guild.data["verification_level"] = int(scene.draw.random() * 5)
    whole = guild.data | {
        "roles": list(guild.roles.values()),
        "emojis": list(guild.emojis.values()),
        "stickers": list(guild.stickers.values()),
    }
    return scene.event("GUILD_UPDATE", guild, whole)


def _role_create(scene: Scene, guild: Guild) -> WorldEvent:
    number = int(scene.draw.random() * 1000)
    made = objects.role(
        scene.clock.snowflake(),
        f"{ROLE_WORDS[number % len(ROLE_WORDS)]} {number}",
        position=1 + max(role["position"] for role in guild.roles.values()),
        permissions=0,
        color=int(scene.draw.random() * (1 << 24)),
    )
    guild.add_role(made)
    return scene.event("GUILD_ROLE_CREATE", guild, {"guild_id": str(guild.id), "role": made})


def role_create(scene: Scene, guild: Guild) -> WorldEvent:
    """A role is made."""
    if len(guild.roles) >= _MOST_ROLES:
        scene.after.append(_role_delete(scene, guild))
    return scene.last(_role_create(scene, guild))


def _free_role(scene: Scene, guild: Guild) -> Json:
    if not guild.free_roles:
        scene.after.append(_role_create(scene, guild))
    return guild.roles[int(guild.free_roles[int(scene.draw.random() * len(guild.free_roles))])]


def set_permissions(scene: Scene, guild: Guild, role_id: int, permissions: int) -> WorldEvent:
    """A role gets other permissions."""
    role = guild.roles[role_id]
    role["permissions"] = str(permissions)
    guild.review = True
    return scene.event("GUILD_ROLE_UPDATE", guild, {"guild_id": str(guild.id), "role": role})


def set_bot_roles(scene: Scene, guild: Guild, role_ids: list[str]) -> WorldEvent:
    """The bot gets other roles."""
    bot = guild.member_list[0]
    bot.data["roles"] = role_ids
    bot.changed()
    guild.review = True
    return people.member_update_of(guild, bot)


def _change_a_role_of_the_bot(scene: Scene, guild: Guild, role: Json) -> WorldEvent:
    """The bot gets a role that it does not have, or loses one that it has."""
    held: list[str] = guild.member_list[0].data["roles"]
    kept = [one for one in held if one != role["id"]]
    return set_bot_roles(scene, guild, [*held, role["id"]] if kept == held else kept)


def role_update(scene: Scene, guild: Guild) -> WorldEvent:
    """A role gets another colour; now and then another permission, or the bot gets or loses it."""
    role = _free_role(scene, guild)
    chance = scene.draw.random()
    if chance < _ACCESS_CHANGES / 2:
        permissions = int(role["permissions"]) ^ VIEW_CHANNEL
        changed = set_permissions(scene, guild, int(role["id"]), permissions)
        return scene.last(changed)
    if chance < _ACCESS_CHANGES:
        scene.after.append(_change_a_role_of_the_bot(scene, guild, role))
    role["color"] = int(scene.draw.random() * (1 << 24))
    role["colors"] = role["colors"] | {"primary_color": role["color"]}
    data = {"guild_id": str(guild.id), "role": role}
    return scene.last(scene.event("GUILD_ROLE_UPDATE", guild, data))


def _role_delete(scene: Scene, guild: Guild) -> WorldEvent:
    role = _free_role(scene, guild)
    guild.remove_role(int(role["id"]))
    data = {"guild_id": str(guild.id), "role_id": role["id"]}
    return scene.event("GUILD_ROLE_DELETE", guild, data)


def role_delete(scene: Scene, guild: Guild) -> WorldEvent:
    """A role is deleted; who had it has it no more."""
    return scene.last(_role_delete(scene, guild))


def ban_add(scene: Scene, guild: Guild) -> WorldEvent:
    """A member is banned, and then gone: clients rely on this order."""
    banned = people.leaver(scene, guild)
    while len(guild.bans) >= _MOST_BANS:
        guild.bans.pop(next(iter(guild.bans)))
    guild.bans[banned.id] = banned.user
    data = {"guild_id": str(guild.id), "user": banned.user}
    added = scene.event("GUILD_BAN_ADD", guild, data)
    return scene.last(added, *people.leave(scene, guild, banned))


def ban_remove(scene: Scene, guild: Guild) -> WorldEvent:
    """A ban is lifted."""
    if not guild.bans:
        first = ban_add(scene, guild)
        scene.after.appendleft(first)
    user = guild.bans.pop(next(iter(guild.bans)))
    data = {"guild_id": str(guild.id), "user": user}
    return scene.last(scene.event("GUILD_BAN_REMOVE", guild, data))


def audit_log_entry(scene: Scene, guild: Guild) -> WorldEvent:
    """Somebody changed the guild's name (action 1), says the audit log."""
    old, new = guild.data["name"], f"{guild.data['name'].split(' #')[0]} #{scene.clock.seconds()}"
    guild.data["name"] = new
    changed = guild_update(scene, guild)
    data = {
        "guild_id": str(guild.id),
        "id": str(scene.clock.snowflake()),
        "action_type": 1,
        "target_id": str(guild.id),
        "user_id": guild.data["owner_id"],
        "changes": [{"key": "name", "old_value": old, "new_value": new}],
    }
    return scene.first(changed, scene.event("GUILD_AUDIT_LOG_ENTRY_CREATE", guild, data))


HANDLERS: Final[dict[str, Handler]] = {
    "GUILD_CREATE": guild_appears,
    "GUILD_UPDATE": guild_update,
    "GUILD_DELETE": guild_delete,
    "GUILD_ROLE_CREATE": role_create,
    "GUILD_ROLE_UPDATE": role_update,
    "GUILD_ROLE_DELETE": role_delete,
    "GUILD_BAN_ADD": ban_add,
    "GUILD_BAN_REMOVE": ban_remove,
    "GUILD_AUDIT_LOG_ENTRY_CREATE": audit_log_entry,
}
