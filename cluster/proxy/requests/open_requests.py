"""Requests that Discord was given and has not answered yet. Pure.

A shard whose session is lost takes what was still to come with it. Its client does not notice, as
its own session goes on, and would wait for ever: so it is asked again.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from typing import Final

from cluster.discord.limits import shard_of_guild
from cluster.proxy.requests.lanes import Request

ANSWER_S: Final = 120.0
"""Seconds for which an answer is waited for; of a guild that the bot is not in none comes."""
MOST_OPEN: Final = 10_000


class OpenRequests:
    """Requests without their whole answer, by what the answer is known by. Times are seconds of the
    caller's monotonic clock."""

    def __init__(self) -> None:
        self._open: OrderedDict[Hashable, tuple[Request, float]] = OrderedDict()
        """Those that were sent last are last."""
        self._chunks: dict[Hashable, set[int]] = {}

    def __len__(self) -> int:
        return len(self._open)

    def sent(self, key: Hashable, request: Request, now: float) -> None:
        """A request was handed to a shard, once more where it was before."""
        self._forget(key)
        self._open[key] = request, now
        while self._open:
            oldest, (_, at) = next(iter(self._open.items()))
            if len(self._open) <= MOST_OPEN and at + ANSWER_S > now:
                break
            self._forget(oldest)

    def answered(self, key: Hashable, index: int = 0, count: int = 1) -> None:
        """A part of an answer came, of so many."""
        if key not in self._open:
            return
        chunks = self._chunks.setdefault(key, set())
        chunks.add(index)
        if len(chunks) >= count:
            self._forget(key)

    def lost(self, shard_id: int, shard_count: int, now: float) -> list[Request]:
        """A shard's session is lost: return what it was asked and has not answered, each once, to
        be asked again. It is not open any more."""
        keys = [
            key
            for key, (request, _) in self._open.items()
            if shard_of_guild(request.guild_id, shard_count) == shard_id
        ]
        requests = {id(self._open[key][0]): self._open[key] for key in keys}
        for key in keys:
            self._forget(key)
        return [request for request, at in requests.values() if at + ANSWER_S > now]

    def forget(self, session_id: str) -> None:
        """Nobody wants the answers of this session any more."""
        keys = [key for key, (one, _) in self._open.items() if one.session_id == session_id]
        for key in keys:
            self._forget(key)

    def _forget(self, key: Hashable) -> None:
        self._open.pop(key, None)
        self._chunks.pop(key, None)
