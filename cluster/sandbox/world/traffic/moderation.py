"""Auto moderation and integrations.

Source: Discord's documentation, "Auto Moderation", "Integration" in "Guild Resource",
"Gateway Events".
"""

from __future__ import annotations

from typing import Final

from cluster.sandbox.world.event import WorldEvent
from cluster.sandbox.world.scene import Handler, Scene
from cluster.sandbox.world.state import Guild, Json

_MOST: Final = 20


def _rule_create(scene: Scene, guild: Guild) -> WorldEvent:
    made_id = scene.clock.snowflake()
    rule: Json = {
        "id": str(made_id),
        "guild_id": str(guild.id),
        "name": f"rule {int(scene.draw.random() * 1000)}",
        "creator_id": guild.data["owner_id"],
        "event_type": 1,
        "trigger_type": 1,
        "trigger_metadata": {
            "keyword_filter": ["nonsense*"],
            "regex_patterns": [],
            "allow_list": [],
        },
        "actions": [{"type": 1, "metadata": {"custom_message": "Please don't."}}],
        "enabled": True,
        "exempt_roles": [],
        "exempt_channels": [],
    }
    guild.auto_moderation[made_id] = rule
    return scene.event("AUTO_MODERATION_RULE_CREATE", guild, rule)


def rule_create(scene: Scene, guild: Guild) -> WorldEvent:
    """A rule is made."""
    if len(guild.auto_moderation) >= _MOST:
        scene.after.append(_rule_delete(scene, guild))
    return scene.last(_rule_create(scene, guild))


def _a_rule(scene: Scene, guild: Guild) -> Json:
    if not guild.auto_moderation:
        scene.after.append(_rule_create(scene, guild))
    return next(iter(guild.auto_moderation.values()))


def rule_update(scene: Scene, guild: Guild) -> WorldEvent:
    """A rule is switched on or off."""
    rule = _a_rule(scene, guild)
    rule["enabled"] = not rule["enabled"]
    return scene.last(scene.event("AUTO_MODERATION_RULE_UPDATE", guild, rule))


def _rule_delete(scene: Scene, guild: Guild) -> WorldEvent:
    rule = _a_rule(scene, guild)
    del guild.auto_moderation[int(rule["id"])]
    return scene.event("AUTO_MODERATION_RULE_DELETE", guild, rule)


def rule_delete(scene: Scene, guild: Guild) -> WorldEvent:
    """A rule is deleted."""
    return scene.last(_rule_delete(scene, guild))


def action_execution(scene: Scene, guild: Guild) -> WorldEvent:
    """A rule blocked what a member was about to say.

    Without MESSAGE_CONTENT ``content`` and ``matched_content`` are empty.
    """
    rule = _a_rule(scene, guild)
    channels = guild.text_channels
    data: Json = {
        "guild_id": str(guild.id),
        "action": rule["actions"][0],
        "rule_id": rule["id"],
        "rule_trigger_type": rule["trigger_type"],
        "user_id": str(scene.member(guild).id),
        "channel_id": str(channels[int(scene.draw.random() * len(channels))]),
        "content": "utter nonsense",
        "matched_keyword": "nonsense*",
        "matched_content": "nonsense",
    }
    event = scene.event("AUTO_MODERATION_ACTION_EXECUTION", guild, data)
    event.redacted = scene.event(
        event.name, guild, data | {"content": "", "matched_content": ""}
    ).data
    return scene.last(event)


def _integration_create(scene: Scene, guild: Guild) -> WorldEvent:
    made_id = scene.clock.snowflake()
    bot = scene.bot
    integration: Json = {
        "id": str(made_id),
        "name": bot["username"],
        "type": "discord",
        "enabled": True,
        "account": {"id": bot["id"], "name": bot["username"]},
        "user": guild.members[int(guild.data["owner_id"])].user,
        "application": {
            "id": bot["id"],
            "name": bot["username"],
            "icon": None,
            "description": "An application of the sandbox.",
            "summary": "",
            "bot": bot,
        },
        "scopes": ["bot"],
    }
    guild.integrations[made_id] = integration
    data = integration | {"guild_id": str(guild.id)}
    return scene.event("INTEGRATION_CREATE", guild, data)


def integration_create(scene: Scene, guild: Guild) -> WorldEvent:
    """An integration is added."""
    if len(guild.integrations) >= _MOST:
        scene.after.append(_integration_delete(scene, guild))
    return scene.last(_integration_create(scene, guild))


def _an_integration(scene: Scene, guild: Guild) -> Json:
    if not guild.integrations:
        scene.after.append(_integration_create(scene, guild))
    return next(iter(guild.integrations.values()))


def integration_update(scene: Scene, guild: Guild) -> WorldEvent:
    """An integration is switched on or off."""
    integration = _an_integration(scene, guild)
    integration["enabled"] = not integration["enabled"]
    data = integration | {"guild_id": str(guild.id)}
    return scene.last(scene.event("INTEGRATION_UPDATE", guild, data))


def _integration_delete(scene: Scene, guild: Guild) -> WorldEvent:
    integration = _an_integration(scene, guild)
    del guild.integrations[int(integration["id"])]
    data = {
        "id": integration["id"],
        "guild_id": str(guild.id),
        "application_id": integration["application"]["id"],
    }
    return scene.event("INTEGRATION_DELETE", guild, data)


def integration_delete(scene: Scene, guild: Guild) -> WorldEvent:
    """An integration is removed."""
    return scene.last(_integration_delete(scene, guild))


def integrations_update(scene: Scene, guild: Guild) -> WorldEvent:
    """Something about the integrations changed."""
    return scene.event("GUILD_INTEGRATIONS_UPDATE", guild, {"guild_id": str(guild.id)})


HANDLERS: Final[dict[str, Handler]] = {
    "AUTO_MODERATION_RULE_CREATE": rule_create,
    "AUTO_MODERATION_RULE_UPDATE": rule_update,
    "AUTO_MODERATION_RULE_DELETE": rule_delete,
    "AUTO_MODERATION_ACTION_EXECUTION": action_execution,
    "INTEGRATION_CREATE": integration_create,
    "INTEGRATION_UPDATE": integration_update,
    "INTEGRATION_DELETE": integration_delete,
    "GUILD_INTEGRATIONS_UPDATE": integrations_update,
}
