"""The cache as a plain model: decoded objects in dicts, one rule an event, nothing clever."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from cluster.cache.kinds import LISTS, Keep
from cluster.discord.limits import shard_of_guild

Json = dict[str, Any]
GAP = "gap"
"""Stands for a Gap in a list of events; its `shard` is (id, count)."""
_IDS = {"voice_states": "user_id", "soundboard_sounds": "sound_id"}
_ITEMS = {
    "CHANNEL": "channels",
    "STAGE_INSTANCE": "stage_instances",
    "GUILD_SOUNDBOARD_SOUND": "soundboard_sounds",
}


def _id(kind: str, item: Json) -> str:
    found: str = (
        item["user"]["id"] if kind in ("members", "presences") else item[_IDS.get(kind, "id")]
    )
    return found


class Guild:
    def __init__(self) -> None:
        self.unavailable = True
        self.known = False
        self.doubted = False
        self.count = 0
        self.own: Json = {}
        self.lists: dict[str, dict[str, Json]] = {kind.value: {} for kind in LISTS}


class Model:
    def __init__(self, keep: Iterable[Keep]) -> None:
        self.keep = frozenset(keep)
        self.guilds: dict[str, Guild] = {}
        self.bot: Json | None = None

    @property
    def own_id(self) -> str:
        return "0" if self.bot is None else self.bot["user"]["id"]

    def doubt(self, shard: int, count: int) -> None:
        for guild_id, guild in self.guilds.items():
            if shard == -1 or shard_of_guild(int(guild_id), count) == shard:
                guild.doubted = True

    def apply(self, name: str, d: Json) -> None:
        if name == GAP:
            self.doubt(*d["shard"])
        elif name == "READY":
            self._ready(d)
        elif name == "GUILD_CREATE":
            self._guild_create(d)
        elif name == "GUILD_DELETE":
            if d.get("unavailable"):
                self.guilds.setdefault(d["id"], Guild()).unavailable = True
            else:
                self.guilds.pop(d["id"], None)
        elif name == "USER_UPDATE":
            self._user_update(d)
        else:
            guild = self.guilds.get(d["id"] if name == "GUILD_UPDATE" else d.get("guild_id", ""))
            if guild is not None and guild.known:
                self._change(name, d, guild)

    def _ready(self, d: Json) -> None:
        session = ("guilds", "shard", "session_id", "resume_gateway_url", "_trace")
        self.bot = {key: value for key, value in d.items() if key not in session}
        listed = {guild["id"] for guild in d["guilds"]}
        shard, count = d["shard"]
        for guild_id in list(self.guilds):
            is_of_shard = shard_of_guild(int(guild_id), count) == shard
            if guild_id not in listed and is_of_shard and self.guilds[guild_id].doubted:
                del self.guilds[guild_id]
        for guild_id in listed:
            self.guilds.setdefault(guild_id, Guild())

    def _guild_create(self, d: Json) -> None:
        if d.get("unavailable"):
            self.guilds.setdefault(d["id"], Guild()).unavailable = True
            return
        before = self.guilds.get(d["id"])
        if before is not None and not before.unavailable and not before.doubted:
            return  # older than what is known, by another shard count
        guild = self.guilds[d["id"]] = Guild()
        guild.unavailable, guild.known, guild.count = False, True, d["member_count"]
        for kind, items in guild.lists.items():
            items.update({_id(kind, item): item for item in d.get(kind, ())})
        self._drop_others(guild)
        derived = ("member_count", "large", "unavailable", *guild.lists)
        guild.own = {key: value for key, value in d.items() if key not in derived}

    def _drop_others(self, guild: Guild) -> None:
        lists = guild.lists
        if Keep.MEMBERS not in self.keep:
            shown = {self.own_id, *lists["voice_states"]}
            lists["members"] = {i: m for i, m in lists["members"].items() if i in shown}
        if Keep.PRESENCES not in self.keep:
            lists["presences"] = {}

    def _user_update(self, d: Json) -> None:
        if self.bot is None or d["id"] != self.own_id:
            return
        self.bot["user"] = self.bot["user"] | d
        for guild in self.guilds.values():
            member = guild.lists["members"].get(d["id"])
            if member is not None:
                member["user"] |= {key: d[key] for key in member["user"] if key in d}

    def _change(self, name: str, d: Json, guild: Guild) -> None:
        subject, _, action = name.rpartition("_")
        if subject in _ITEMS:
            kind = _ITEMS[subject]
            items = guild.lists[kind]
            items.pop(_id(kind, d), None)
            if action != "DELETE":
                items[_id(kind, d)] = d
        rule = getattr(self, f"_{name.lower()}", None)
        if rule is not None:
            rule(d, guild, guild.lists)
        self._drop_others(guild)

    def _guild_update(self, d: Json, guild: Guild, lists: dict[str, Any]) -> None:
        for kind in ("roles", "emojis", "stickers"):
            if kind in d:
                lists[kind] = {item["id"]: item for item in d[kind]}
        derived = ("member_count", "large", "unavailable", *lists)
        guild.own |= {key: value for key, value in d.items() if key not in derived}

    def _guild_role_create(self, d: Json, guild: Guild, lists: dict[str, Any]) -> None:
        lists["roles"][d["role"]["id"]] = d["role"]

    _guild_role_update = _guild_role_create

    def _guild_role_delete(self, d: Json, guild: Guild, lists: dict[str, Any]) -> None:
        lists["roles"].pop(d["role_id"], None)
        for member in lists["members"].values():
            if "roles" in member:
                member["roles"] = [role for role in member["roles"] if role != d["role_id"]]

    def _member(self, d: Json, lists: dict[str, Any], *, merge: bool) -> None:
        user_id = d["user"]["id"]
        known = user_id in (self.own_id, *lists["voice_states"]) or Keep.MEMBERS in self.keep
        if known:
            old = lists["members"].get(user_id, {}) if merge else {}
            new = {key: value for key, value in d.items() if key != "guild_id"}
            lists["members"][user_id] = old | new

    def _guild_member_add(self, d: Json, guild: Guild, lists: dict[str, Any]) -> None:
        guild.count += 1
        self._member(d, lists, merge=False)

    def _guild_member_update(self, d: Json, guild: Guild, lists: dict[str, Any]) -> None:
        self._member(d, lists, merge=True)

    def _guild_member_remove(self, d: Json, guild: Guild, lists: dict[str, Any]) -> None:
        guild.count = max(0, guild.count - 1)
        for kind in ("members", "presences", "voice_states"):
            lists[kind].pop(d["user"]["id"], None)

    def _voice_state_update(self, d: Json, guild: Guild, lists: dict[str, Any]) -> None:
        user_id = d["user_id"]
        before = user_id in lists["members"]
        lists["voice_states"].pop(user_id, None)
        if d["channel_id"] is not None:
            left_out = ("guild_id", "member")
            lists["voice_states"][user_id] = {k: v for k, v in d.items() if k not in left_out}
        if d["channel_id"] is not None or before:
            self._member(d["member"], lists, merge=True)

    def _presence_update(self, d: Json, guild: Guild, lists: dict[str, Any]) -> None:
        if Keep.PRESENCES not in self.keep:
            return
        user = d["user"]
        lists["presences"].pop(user["id"], None)
        if d["status"] != "offline":
            lists["presences"][user["id"]] = d
        member = lists["members"].get(user["id"])
        if member is not None:
            member["user"] |= {key: user[key] for key in member["user"] if key in user}

    def _place(self, d: Json, lists: dict[str, Any], **changes: Any) -> None:
        for kind in ("channels", "threads"):
            if d["channel_id"] in lists[kind]:
                lists[kind][d["channel_id"]] |= changes
                return

    def _message_create(self, d: Json, guild: Guild, lists: dict[str, Any]) -> None:
        self._place(d, lists, last_message_id=d["id"])

    def _channel_pins_update(self, d: Json, guild: Guild, lists: dict[str, Any]) -> None:
        self._place(d, lists, last_pin_timestamp=d.get("last_pin_timestamp"))

    def _channel_update(self, d: Json, guild: Guild, lists: dict[str, Any]) -> None:
        if d["flags"] & 1 << 17:
            self._forget_threads(lists, d["id"])

    def _channel_delete(self, d: Json, guild: Guild, lists: dict[str, Any]) -> None:
        self._forget_threads(lists, d["id"])

    def _forget_threads(self, lists: dict[str, Any], parent: str | None) -> None:
        threads = lists["threads"].items()
        lists["threads"] = {i: t for i, t in threads if parent and t["parent_id"] != parent}

    def _thread_create(self, d: Json, guild: Guild, lists: dict[str, Any]) -> None:
        old = lists["threads"].get(d["id"], {})
        kept = {key: old[key] for key in ("member",) if key in old}
        new = {key: value for key, value in d.items() if key != "newly_created"}
        lists["threads"][d["id"]] = kept | new

    def _thread_update(self, d: Json, guild: Guild, lists: dict[str, Any]) -> None:
        if d["thread_metadata"]["archived"]:
            lists["threads"].pop(d["id"], None)
        else:
            self._thread_create(d, guild, lists)

    def _thread_delete(self, d: Json, guild: Guild, lists: dict[str, Any]) -> None:
        lists["threads"].pop(d["id"], None)

    def _thread_list_sync(self, d: Json, guild: Guild, lists: dict[str, Any]) -> None:
        for parent in d.get("channel_ids", (None,)):
            self._forget_threads(lists, parent)
        own = {member["id"]: member for member in d["members"]}
        for thread in d["threads"]:
            joined = {"member": own[thread["id"]]} if thread["id"] in own else {}
            lists["threads"][thread["id"]] = thread | joined

    def _thread_members_update(self, d: Json, guild: Guild, lists: dict[str, Any]) -> None:
        thread = lists["threads"].get(d["id"])
        if thread is None:
            return
        thread["member_count"] = d["member_count"]
        if self.own_id in d["removed_member_ids"]:
            thread.pop("member", None)
        for one in d["added_members"]:
            if one["user_id"] == self.own_id:
                thread["member"] = {k: v for k, v in one.items() if k not in ("member", "presence")}
