"""SessionView: which events a session gets, and what of them.

Source: Discord's documentation, "Gateway", "List of Intents" and "Sharding", and what "Gateway
Events" says of single events: GUILD_MEMBER_UPDATE of the bot itself needs no intent, and without
GUILD_MEMBERS only those THREAD_MEMBERS_UPDATE come that tell of the bot. The documentation says of
no event that it looks different in version 9 and in version 10.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from cluster.discord.event_intents import DIRECT_INTENTS, GUILD_INTENTS
from cluster.discord.event_names import EVENT_NAMES
from cluster.discord.intents import Intents
from cluster.discord.limits import shard_of_guild
from cluster.proxy.entry import GAP, Entry
from cluster.proxy.identify import Identify
from cluster.proxy.interfaces import ANSWERS
from cluster.proxy.view.about_bot import is_about_bot
from cluster.proxy.view.content import without_content
from cluster.proxy.view.event_guild import guild_of, is_unavailable, listed_guilds
from cluster.proxy.view.guild_object import cut_guild
from cluster.proxy.view.known_guilds import KnownGuilds

(
    _SEEN,
    _UNSEEN,
    _GUILD_ONLY,
    _DIRECT_ONLY,
    _ABOUT_BOT,
    _CONTENT,
    _CREATED,
    _DELETED,
    _READY,
    _GAP,
) = range(10)


_WITH_CONTENT: Final = frozenset(
    {"MESSAGE_CREATE", "MESSAGE_UPDATE", "AUTO_MODERATION_ACTION_EXECUTION"}
)
_OF_BOT: Final = frozenset({"GUILD_MEMBER_UPDATE", "THREAD_MEMBERS_UPDATE"})
_TRACKED: Final = {
    "GUILD_CREATE": _CREATED,
    "GUILD_DELETE": _DELETED,
    "READY": _READY,
    GAP: _GAP,
}
"""Events that say which guilds there are, and the entry of a Gap."""


@lru_cache(maxsize=256)
def _rules(intents: int) -> dict[str, int]:
    """Return what is to be done with each event that is known, for sessions with these intents."""
    return {name: _rule(name, intents) for name in (*EVENT_NAMES, *_TRACKED)}


def _rule(name: str, intents: int) -> int:
    if name in _TRACKED:
        return _TRACKED[name] if intents & Intents.GUILDS else _UNSEEN
    if name == "RESUMED" or name in ANSWERS:
        return _UNSEEN
    if name in _OF_BOT and not intents & Intents.GUILD_MEMBERS:
        free = name == "GUILD_MEMBER_UPDATE" or intents & Intents.GUILDS
        return _ABOUT_BOT if free else _UNSEEN
    if name not in GUILD_INTENTS:
        return _SEEN
    guild = bool(intents & GUILD_INTENTS[name])
    direct = bool(intents & DIRECT_INTENTS.get(name, 0)) if name in DIRECT_INTENTS else guild
    if not guild and not direct:
        return _UNSEEN
    if name in _WITH_CONTENT and guild and not intents & Intents.MESSAGE_CONTENT:
        return _CONTENT
    if guild != direct:
        return _GUILD_ONLY if guild else _DIRECT_ONLY
    return _SEEN


class SessionView:
    """What a session sees: the `View` of one IDENTIFY."""

    def __init__(self, identify: Identify, known: KnownGuilds) -> None:
        """known: the guilds that its client has been told of; this changes them."""
        self._shard_id = identify.shard_id
        self._shard_count = identify.shard_count
        self._intents = identify.intents
        self._large_threshold = identify.large_threshold
        self._known = known
        self._own_id = str(known.own_id)
        self._rules = _rules(identify.intents)
        self._gone: list[int] = []

    @property
    def state(self) -> bytes:
        """What the view has learnt: `Views.go_on` takes it."""
        return self._known.state

    def see(self, entry: Entry) -> bytes | None:
        """Return the tail of the dispatch; None: the session gets nothing; b"": it gets what
        `made_up` says."""
        rule = self._rules.get(entry.name)
        if rule is None:
            # Discord may have added the event, and says of no new one which intent it needs.
            rule = _UNSEEN if entry.name.startswith("_") else _SEEN
        if rule == _UNSEEN:
            return None
        if rule >= _READY:
            return self._look_at_guilds(rule, entry)
        if self._shard_count != 1 and not self._is_routed_here(entry):
            return None
        return entry.tail if rule == _SEEN else self._look(rule, entry)

    def made_up(self, entry: Entry) -> list[tuple[str, bytes]]:
        """Return (name, d) of the dispatches that come in the place of the entry seen last."""
        gone, self._gone = self._gone, []
        return [("GUILD_DELETE", b'{"id":"%d"}' % guild_id) for guild_id in gone]

    def _is_routed_here(self, entry: Entry) -> bool:
        """Return whether an event comes on this session's shard ("Gateway", "Sharding")."""
        event = entry.event
        if event.shard_count == self._shard_count:
            return event.shard_id == self._shard_id
        guild = guild_of(entry)
        shard_id = 0 if guild is None else shard_of_guild(guild, self._shard_count)
        return shard_id == self._shard_id

    def _look(self, rule: int, entry: Entry) -> bytes | None:
        """Return what this session gets of an event that has to be looked into."""
        guild = guild_of(entry)
        if rule in (_CREATED, _DELETED):
            return entry.tail if guild is None else self._guild_news(rule, entry, guild)
        if rule == _GUILD_ONLY:
            return None if guild is None else entry.tail
        if rule == _DIRECT_ONLY:
            return entry.tail if guild is None else None
        if rule == _CONTENT and guild is None:
            return entry.tail if self._intents & Intents.DIRECT_MESSAGES else None
        if entry.redacted is None:
            entry.redacted = self._redacted(rule, entry)
        return entry.redacted or None

    def _redacted(self, rule: int, entry: Entry) -> bytes:
        if rule == _ABOUT_BOT:
            return entry.tail if is_about_bot(entry.name, entry.data, self._own_id) else b""
        data = without_content(entry.name, entry.data, self._own_id)
        if data is entry.data:
            return entry.tail
        return tail_of(data) if data else b""

    def _guild_news(self, rule: int, entry: Entry, guild_id: int) -> bytes | None:
        """Return what this session gets of a GUILD_CREATE or GUILD_DELETE."""
        unavailable = is_unavailable(entry.data)
        if rule == _DELETED:
            news = self._known.deleted(guild_id, unavailable=unavailable)
            return entry.tail if news else None
        if not self._known.created(guild_id, unavailable=unavailable):
            return None
        data = cut_guild(entry.data, self._intents, self._large_threshold, self._own_id)
        return entry.tail if data is entry.data else tail_of(data)

    def _look_at_guilds(self, rule: int, entry: Entry) -> bytes | None:
        """Take in a Gap, or a READY of the cluster's; b"": it lists some guilds no more."""
        event = entry.event
        if rule == _GAP:
            self._known.gap(event.shard_id, event.shard_count)
            return None
        listed = listed_guilds(entry.data)
        if listed is not None:
            self._gone = self._known.listed(event.shard_id, event.shard_count, listed)
        return b"" if self._gone else None


def tail_of(data: bytes) -> bytes:
    """Return the tail of a dispatch (`Entry.tail`). data: ``d``, JSON."""
    return b',"op":0,"d":%b}' % data
