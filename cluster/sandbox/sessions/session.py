"""A gateway session as the server sees it: sequence, intents, replay buffer (no I/O, no clock).

A session outlives its connections: while it has none, dispatches go on into its buffer, and a
RESUME takes them from there ("Gateway", "Resuming").
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from cluster.sandbox.sessions.user_view import UserView
    from cluster.sandbox.world import WorldEvent


class Sink(Protocol):
    """Where a session's payloads go while it is connected; waiting: bytes not yet taken."""

    @property
    def waiting(self) -> int: ...

    def send(self, payload: bytes) -> None: ...


class Buffered(NamedTuple):
    """A dispatch that can be replayed: payload is the whole message as it was sent."""

    seq: int
    name: str
    hash: bytes
    payload: bytes


class Session:
    """One session.

    shard, shard_count: what IDENTIFY asked for. intents: bits. seq: last s, 0 for none yet.
    index: its number in the ledger. pending: guilds whose GUILD_CREATE is still to be sent.
    acknowledged: the highest s that the client named in a heartbeat or RESUME. skipped: each s that
    a replay left out, as a fault.
    """

    __slots__ = (
        "_forgotten",
        "acknowledged",
        "buffer",
        "detached_at",
        "ended",
        "held",
        "id",
        "index",
        "intents",
        "lag_s",
        "large_threshold",
        "member_requests",
        "pending",
        "seq",
        "shard",
        "shard_count",
        "sink",
        "skipped",
        "user",
        "version",
    )

    def __init__(
        self,
        session_id: str,
        *,
        index: int,
        shard: int,
        shard_count: int,
        intents: int,
        version: int,
        large_threshold: int = 50,
        replay_events: int,
        user: UserView | None = None,
    ) -> None:
        self.id = session_id
        self.index = index
        self.shard = shard
        self.shard_count = shard_count
        self.intents = intents
        self.version = version
        self.large_threshold = large_threshold
        self.user = user
        """What a user account's session hears of; None: the session is the bot's."""
        self.seq = 0
        self.buffer: deque[Buffered] = deque(maxlen=replay_events)
        self.pending: dict[int, None] = {}
        self.sink: Sink | None = None
        self.detached_at: float | None = None
        self.ended = False
        self.lag_s = 0.0
        self.held: deque[tuple[float, WorldEvent]] = deque()
        self.member_requests: dict[int, float] = {}
        self.acknowledged = 0
        self.skipped: list[int] = []
        self._forgotten = 0

    def dispatch(self, name: str, digest: bytes, data: bytes) -> int:
        """Give ``data`` (the JSON of d) the next s, remember it, and send it if connected."""
        seq = self.seq = self.seq + 1
        payload = b'{"t":"%b","s":%d,"op":0,"d":%b}' % (name.encode(), seq, data)
        buffer = self.buffer
        if len(buffer) == buffer.maxlen:
            self._forgotten = buffer[0].seq if buffer else seq
        buffer.append(Buffered(seq, name, digest, payload))
        if self.sink is not None:
            self.sink.send(payload)
        return seq

    def knows(self, seq: int) -> bool:
        """Whether a client may have got as far as ``seq``; if not: close 4007."""
        return 0 <= seq <= self.seq

    def replay(self, seq: int) -> list[Buffered] | None:
        """Return what was dispatched after ``seq``; None: some was forgotten (op 9, d false)."""
        if seq < self._forgotten:
            return None
        return [entry for entry in self.buffer if entry.seq > seq]

    def trim(self, seq: int) -> None:
        """Forget what the client has acknowledged with a heartbeat, up to ``seq``."""
        buffer = self.buffer
        while buffer and buffer[0].seq <= seq:
            self._forgotten = buffer.popleft().seq

    def expect_guilds(self, guild_ids: Iterable[int]) -> None:
        self.pending = dict.fromkeys(guild_ids)

    def next_guilds(self, count: int) -> list[int]:
        """Take up to ``count`` guilds whose GUILD_CREATE is due; they are no longer pending."""
        due = [guild for guild, _ in zip(self.pending, range(count), strict=False)]
        for guild in due:
            del self.pending[guild]
        return due
