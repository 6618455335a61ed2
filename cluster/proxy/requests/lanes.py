"""Lanes: whose request is sent next. Pure.

All clients share the cluster's shards, each of which sends 120 payloads a minute. A lane is one
shard's; in it the clients take turns, and a few requests at most are on their way, so that nobody
has to wait behind all that another has asked. Requests of one order (voice in a guild) are sent one
after the other, whoever asked; where one of them has to be sent again and a later one waits, that
one stands for both.
"""

from __future__ import annotations

import heapq
import itertools
from collections import Counter, deque
from collections.abc import Hashable
from typing import Final

from cluster.commands import Command

MOST_OF_LANE: Final = 4
"""Requests of a lane that may be on their way at a time."""
MOST_UNDER_WAY: Final = 512
MOST_OF_SESSION: Final = 256
"""Requests of a session that may wait: more than the 120 a minute that a client may send, so that
only one that connects again and again comes to it."""


class Request:
    """What a session asks one shard of the cluster for."""

    __slots__ = (
        "client",
        "command",
        "expires",
        "guild_id",
        "keys",
        "lane",
        "latest",
        "op",
        "order",
        "session_id",
        "tries",
    )

    def __init__(
        self,
        command: Command,
        *,
        session_id: str,
        guild_id: int,
        lane: int,
        expires: float,
        latest: float = 0.0,
        client: str = "",
        order: int | None = None,
        keys: tuple[Hashable, ...] = (),
    ) -> None:
        """lane: the shard of the guild. expires: when it is given up. latest: until when that may
        be put off where it only has to wait for its turn at Discord. client: whose session it is.
        order: requests with the same are sent one by one, as they came; None: its place is of no
        account. keys: what the answers are known by, of which each is expected once."""
        self.command = command
        self.op = command.op
        self.session_id = session_id
        self.guild_id = guild_id
        self.lane = lane
        self.expires = expires
        self.latest = latest
        self.client = client
        self.order = order
        self.keys = keys
        self.tries = 0


class _Lane:
    """What waits for one shard."""

    def __init__(self) -> None:
        self.waiting: dict[str, deque[Request]] = {}
        """By session, those whose turn is next first."""
        self.under_way = 0

    def take(self) -> Request:
        session_id, requests = next(iter(self.waiting.items()))
        request = requests.popleft()
        del self.waiting[session_id]
        if requests:
            self.waiting[session_id] = requests
        self.under_way += 1
        return request


class Lanes:
    """All requests that wait. Times are seconds of the caller's monotonic clock."""

    def __init__(self) -> None:
        self._lanes: dict[int, _Lane] = {}
        self._ready: dict[int, None] = {}
        """Lanes that have something to send and room for it, in the order of their turns."""
        self._later: list[tuple[float, int, Request]] = []
        self._numbers = itertools.count()
        self._orders: dict[int, deque[Request]] = {}
        """Orders that are begun, each with the requests that wait for the one before them."""
        self._held: Counter[str] = Counter()
        self._under_way = 0

    def __len__(self) -> int:
        return self._held.total()

    def put(self, request: Request) -> bool:
        """Let a request wait for its turn. False: its session has too many already."""
        if self._held[request.session_id] >= MOST_OF_SESSION:
            return False
        self._held[request.session_id] += 1
        if request.order is None:
            self._enter(request)
        elif request.order in self._orders:
            self._orders[request.order].append(request)
        else:
            self._orders[request.order] = deque()
            self._enter(request)
        return True

    def take(self, now: float) -> Request | None:
        """Return the request that is sent now; `done` or `again` has to follow. None: none."""
        while self._later and self._later[0][0] <= now:
            self._enter(heapq.heappop(self._later)[2])
        if not self._ready or self._under_way >= MOST_UNDER_WAY:
            return None
        number = next(iter(self._ready))
        del self._ready[number]
        lane = self._lanes[number]
        request = lane.take()
        self._under_way += 1
        self._look(number, lane)
        return request

    def done(self, request: Request) -> None:
        """A request that was taken is settled: it was sent, or is given up."""
        self._left(request)
        self._settled(request)

    def again(self, request: Request, at: float) -> Request | None:
        """A request that was taken is to be sent once more, at that time. Return one that is not,
        since a later one of its order stands for both."""
        self._left(request)
        if request.order is not None and self._orders[request.order]:
            self._settled(request)
            return request
        request.tries += 1
        heapq.heappush(self._later, (at, next(self._numbers), request))
        return None

    def forget(self, session_id: str) -> int:
        """Drop what waits of a session whose answers nobody wants any more; what is on its way, and
        what has an order, stays. Return how many were dropped."""
        dropped: list[Request] = []
        for number, lane in list(self._lanes.items()):
            requests = lane.waiting.pop(session_id, None)
            if requests is None:
                continue
            dropped += [one for one in requests if one.order is None]
            if ordered := [one for one in requests if one.order is not None]:
                lane.waiting[session_id] = deque(ordered)
            self._look(number, lane)
        late = [one for _, _, one in self._later if _is_dropped(one, session_id)]
        if late:
            self._later = [one for one in self._later if not _is_dropped(one[2], session_id)]
            heapq.heapify(self._later)
        for request in (*dropped, *late):
            self._settled(request)
        return len(dropped) + len(late)

    @property
    def due(self) -> float | None:
        """When another may be sent; None: when one is settled, or never."""
        return self._later[0][0] if self._later else None

    def _enter(self, request: Request) -> None:
        lane = self._lanes.setdefault(request.lane, _Lane())
        lane.waiting.setdefault(request.session_id, deque()).append(request)
        self._look(request.lane, lane)

    def _left(self, request: Request) -> None:
        lane = self._lanes[request.lane]
        lane.under_way -= 1
        self._under_way -= 1
        self._look(request.lane, lane)

    def _settled(self, request: Request) -> None:
        self._held[request.session_id] -= 1
        if not self._held[request.session_id]:
            del self._held[request.session_id]
        if request.order is None:
            return
        behind = self._orders[request.order]
        if behind:
            self._enter(behind.popleft())
        else:
            del self._orders[request.order]

    def _look(self, number: int, lane: _Lane) -> None:
        """Take note whether a lane has something to send."""
        if lane.waiting and lane.under_way < MOST_OF_LANE:
            self._ready.setdefault(number)
        else:
            self._ready.pop(number, None)
            if not lane.waiting and not lane.under_way:
                self._lanes.pop(number, None)


def _is_dropped(request: Request, session_id: str) -> bool:
    return request.session_id == session_id and request.order is None
