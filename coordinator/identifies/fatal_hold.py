"""Holds back identifies while one shard is refused for a cause that all shards share (wrong token,
disallowed intents).

Discord closes with such a code after an IDENTIFY, which is counted all the same. With a thousand
shards waiting the day's budget would go on it, and past the budget the token is reset. So while a
shard stands refused for what all shards share, no other asks.
"""

from __future__ import annotations

from collections.abc import Iterable

from cluster.discord.close_codes import SHARED_REFUSALS
from cluster.wire.link import ShardReport


class FatalHold:
    """Whether grants are held back, and why (pure)."""

    def __init__(self) -> None:
        self._refused: dict[int, int] = {}
        """Shard id -> close code."""

    @property
    def reason(self) -> str:
        """Why grants are held back; empty: nothing holds them back."""
        if not self._refused:
            return ""
        shard, code = next(iter(self._refused.items()))
        return f"no shard identifies while shard {shard} is refused with {code}: mend it, restart"

    def report(self, shards: Iterable[ShardReport]) -> bool:
        """Take a report. Return whether it changed what holds for the other shards."""
        before = bool(self._refused)
        for shard in shards:
            if shard.refused in SHARED_REFUSALS:
                self._refused.setdefault(shard.shard_id, shard.refused)
            else:
                self._refused.pop(shard.shard_id, None)
        return before != bool(self._refused)

    def gone(self, shards: Iterable[int]) -> bool:
        """Take note that the worker of these shards ended: the next one tries again. Return whether
        it changed what holds for the other shards."""
        before = bool(self._refused)
        for shard in shards:
            self._refused.pop(shard, None)
        return before != bool(self._refused)
