"""What concerns the application: interactions, entitlements, subscriptions, its user.

Source: Discord's documentation, "Interactions", "Entitlement", "Subscription",
"Application Commands" (Permissions), "Gateway Events".
"""

from __future__ import annotations

from typing import Final

from cluster.sandbox.world.clock import timestamp
from cluster.sandbox.world.event import WorldEvent
from cluster.sandbox.world.scene import Handler, Scene
from cluster.sandbox.world.state import Guild, Json, encode
from cluster.sandbox.world.traffic import people

_PERMISSIONS: Final = "2248473465835073"
_MOST: Final = 50
_MONTH_MS: Final = 30 * 86_400_000


def interaction_create(scene: Scene, guild: Guild) -> WorldEvent:
    """A member uses a slash command in a text channel."""
    channels = [c for c in guild.channels.values() if int(c["id"]) in guild.text_channels]
    channel = channels[int(scene.draw.random() * len(channels))]
    member = scene.member(guild)
    data: Json = {
        "id": str(scene.clock.snowflake()),
        "application_id": scene.bot["id"],
        "type": 2,
        "data": {
            "id": str(int(scene.bot["id"]) + 1),
            "name": "ping",
            "type": 1,
            "options": [{"name": "text", "type": 3, "value": "hello"}],
        },
        "guild": {
            "id": str(guild.id),
            "features": guild.data["features"],
            "locale": guild.data["preferred_locale"],
        },
        "guild_id": str(guild.id),
        "guild_locale": guild.data["preferred_locale"],
        "channel": channel | {"permissions": _PERMISSIONS},
        "channel_id": channel["id"],
        "member": member.full() | {"permissions": _PERMISSIONS},
        "token": f"{scene.draw.getrandbits(512):0128x}",
        "version": 1,
        "app_permissions": _PERMISSIONS,
        "locale": "en-US",
        "entitlements": [],
        "authorizing_integration_owners": {"0": str(guild.id)},
        "context": 0,
        "attachment_size_limit": 10_485_760,
    }
    # Interactions come on shard 0 unless their guild says otherwise, whatever the intents.
    return scene.event("INTERACTION_CREATE", guild, data)


def permissions_update(scene: Scene, guild: Guild) -> WorldEvent:
    """Somebody may or may not use a command any more."""
    everyone = {"id": str(guild.id), "type": 1, "permission": scene.draw.random() < 0.5}
    data = {
        "id": str(int(scene.bot["id"]) + 1),
        "application_id": scene.bot["id"],
        "guild_id": str(guild.id),
        "permissions": [everyone],
    }
    return scene.event("APPLICATION_COMMAND_PERMISSIONS_UPDATE", guild, data)


def _entitlement_create(scene: Scene, guild: Guild) -> WorldEvent:
    made_id = scene.clock.snowflake()
    now = scene.clock.ms()
    made: Json = {
        "id": str(made_id),
        "sku_id": str(int(scene.bot["id"]) + 2),
        "application_id": scene.bot["id"],
        "user_id": str(scene.member(guild).id),
        "type": 8,
        "deleted": False,
        "starts_at": timestamp(now),
        "ends_at": timestamp(now + _MONTH_MS),
        "guild_id": str(guild.id),
        "consumed": False,
    }
    scene.entitlements[made_id] = made
    return scene.event("ENTITLEMENT_CREATE", None, made)


def entitlement_create(scene: Scene, guild: Guild) -> WorldEvent:
    """Somebody bought something."""
    if len(scene.entitlements) >= _MOST:
        scene.after.append(_entitlement_delete(scene, guild))
    return scene.last(_entitlement_create(scene, guild))


def _an_entitlement(scene: Scene, guild: Guild) -> Json:
    if not scene.entitlements:
        scene.after.append(_entitlement_create(scene, guild))
    return next(iter(scene.entitlements.values()))


def entitlement_update(scene: Scene, guild: Guild) -> WorldEvent:
    """An entitlement is renewed."""
    made = _an_entitlement(scene, guild)
    made["ends_at"] = timestamp(scene.clock.ms() + 2 * _MONTH_MS)
    return scene.last(scene.event("ENTITLEMENT_UPDATE", None, made))


def _entitlement_delete(scene: Scene, guild: Guild) -> WorldEvent:
    made = _an_entitlement(scene, guild)
    del scene.entitlements[int(made["id"])]
    return scene.event("ENTITLEMENT_DELETE", None, made | {"deleted": True})


def entitlement_delete(scene: Scene, guild: Guild) -> WorldEvent:
    """An entitlement is revoked."""
    return scene.last(_entitlement_delete(scene, guild))


def _subscription_create(scene: Scene, guild: Guild) -> WorldEvent:
    made_id = scene.clock.snowflake()
    now = scene.clock.ms()
    made: Json = {
        "id": str(made_id),
        "user_id": str(scene.member(guild).id),
        "sku_ids": [str(int(scene.bot["id"]) + 2)],
        "entitlement_ids": [],
        "renewal_sku_ids": None,
        "current_period_start": timestamp(now),
        "current_period_end": timestamp(now + _MONTH_MS),
        "status": 0,
        "canceled_at": None,
    }
    scene.subscriptions[made_id] = made
    return scene.event("SUBSCRIPTION_CREATE", None, made)


def subscription_create(scene: Scene, guild: Guild) -> WorldEvent:
    """Somebody subscribes."""
    if len(scene.subscriptions) >= _MOST:
        scene.after.append(_subscription_delete(scene, guild))
    return scene.last(_subscription_create(scene, guild))


def _a_subscription(scene: Scene, guild: Guild) -> Json:
    if not scene.subscriptions:
        scene.after.append(_subscription_create(scene, guild))
    return next(iter(scene.subscriptions.values()))


def subscription_update(scene: Scene, guild: Guild) -> WorldEvent:
    """A subscription is to end."""
    made = _a_subscription(scene, guild)
    made |= {"status": 1, "canceled_at": scene.clock.timestamp().decode()}
    return scene.last(scene.event("SUBSCRIPTION_UPDATE", None, made))


def _subscription_delete(scene: Scene, guild: Guild) -> WorldEvent:
    made = _a_subscription(scene, guild)
    del scene.subscriptions[int(made["id"])]
    return scene.event("SUBSCRIPTION_DELETE", None, made | {"status": 2})


def subscription_delete(scene: Scene, guild: Guild) -> WorldEvent:
    """A subscription is gone."""
    return scene.last(_subscription_delete(scene, guild))


def user_update(scene: Scene, guild: Guild) -> WorldEvent:
    """The bot's own user changes: it gets another avatar. Each guild has its member updated, for
    USER_UPDATE comes on shard 0 only."""
    scene.change_bot(avatar=f"{scene.draw.getrandbits(128):032x}")
    there = [one for one in scene.guilds() if not one.unavailable]
    members = [people.member_update_of(one, one.member_list[0]) for one in there]
    return scene.last(scene.event("USER_UPDATE", None, scene.own_user), *members)


def rate_limited(guild_id: int, retry_after: float, nonce: str | None) -> bytes:
    """``d`` of RATE_LIMITED for a Request Guild Members; ``retry_after`` in seconds."""
    meta: Json = {"guild_id": str(guild_id)}
    if nonce is not None:
        meta["nonce"] = nonce
    return encode({"opcode": 8, "retry_after": retry_after, "meta": meta})


def rate_limited_event(scene: Scene, guild: Guild) -> WorldEvent:
    """Too many requests for the guild's members."""
    return WorldEvent("RATE_LIMITED", guild.id, rate_limited(guild.id, 30.0, None), 0)


def resumed(scene: Scene, guild: Guild) -> WorldEvent:
    """A session was resumed."""
    return scene.event("RESUMED", None, {"_trace": ["gateway-prd-us-east1-b-0001"]})


HANDLERS: Final[dict[str, Handler]] = {
    "INTERACTION_CREATE": interaction_create,
    "APPLICATION_COMMAND_PERMISSIONS_UPDATE": permissions_update,
    "ENTITLEMENT_CREATE": entitlement_create,
    "ENTITLEMENT_UPDATE": entitlement_update,
    "ENTITLEMENT_DELETE": entitlement_delete,
    "SUBSCRIPTION_CREATE": subscription_create,
    "SUBSCRIPTION_UPDATE": subscription_update,
    "SUBSCRIPTION_DELETE": subscription_delete,
    "USER_UPDATE": user_update,
    "RATE_LIMITED": rate_limited_event,
    "RESUMED": resumed,
}
