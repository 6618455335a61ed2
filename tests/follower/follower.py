"""One session's events, followed as a client's cache does."""

from __future__ import annotations

from collections import Counter
from itertools import islice
from typing import Any, Final

from tests.follower.differences import differences
from tests.follower.guild_cache import GuildCache, Json

_MOST_FAULTS: Final = 100
"""Faults that are kept in words; all are counted."""
_APPLICATION: Final = ("ENTITLEMENT_", "SUBSCRIPTION_")
"""Beginnings of events that are the application's: a guild that they name may be in an outage."""


class Follower:
    """Takes a session's events in their order, READY first.

    An event about what no event has told of, and a GUILD_CREATE after an outage that shows anything
    but what was believed before it (in an outage nothing happens), are faults of the stream.
    """

    def __init__(self) -> None:
        self.guilds: dict[str, GuildCache] = {}
        self.away: set[str] = set()
        """Guilds in an outage, and those of READY whose GUILD_CREATE has not come."""
        self.users: dict[str, Json] = {}
        self.events: Counter[str] = Counter()
        self.outages = 0
        """Outages that have ended."""
        self.faults: list[str] = []
        self.fault_count = 0
        self._own_id = ""

    def apply(self, name: str, d: Any) -> None:
        """Take one event."""
        self.events[name] += 1
        if name == "READY":
            self._begin(d)
        elif name == "GUILD_CREATE":
            self._appear(d)
        elif name == "GUILD_DELETE":
            self._disappear(d)
        elif name == "USER_UPDATE":
            own = self.users.setdefault(d["id"], {})
            own |= {key: d[key] for key in own}
        elif isinstance(d, dict) and not name.startswith(_APPLICATION):
            self._happen(name, d, d.get("id" if name == "GUILD_UPDATE" else "guild_id"))

    def _fault(self, text: str) -> None:
        self.fault_count += 1
        if len(self.faults) < _MOST_FAULTS:
            self.faults.append(text)

    def _happen(self, name: str, d: Json, guild_id: Any) -> None:
        if guild_id in self.away:
            self._fault(f"{name} in an outage of {guild_id}")
        elif guild_id in self.guilds:
            try:
                self.guilds[guild_id].apply(name, d)
            except (KeyError, ValueError) as error:
                self._fault(f"{name} in {guild_id}: {type(error).__name__} {error}")

    def _begin(self, d: Json) -> None:
        self.guilds.clear()
        self._own_id = d["user"]["id"]
        self.away = {guild["id"] for guild in d["guilds"]}

    def _appear(self, d: Json) -> None:
        guild_id = d["id"]
        if guild_id not in self.away:
            self._fault(f"GUILD_CREATE of {guild_id}, which is there")
        self.away.discard(guild_id)
        shown = GuildCache(d, self.users, self._own_id)
        before = self.guilds.get(guild_id)
        self.guilds[guild_id] = shown
        if before is not None:
            self.outages += 1
            for text in islice(differences(before.state(), shown.state()), _MOST_FAULTS):
                self._fault(f"GUILD_CREATE of {guild_id} after an outage: {text}")

    def _disappear(self, d: Json) -> None:
        if d["id"] in self.away and d["id"] in self.guilds:  # else one that READY has named
            self._fault(f"GUILD_DELETE of {d['id']}, which is away")
        if d.get("unavailable"):
            self.away.add(d["id"])
        else:
            del self.guilds[d["id"]]
