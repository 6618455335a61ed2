"""Sessions and what reaches them: routing by shard, intents, GUILD_CREATE in chunks, expiry."""

from __future__ import annotations

import random
import secrets
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from cluster.discord.intents import Intents
from cluster.sandbox.ledger import Ledger, digest_of
from cluster.sandbox.sessions import session_log
from cluster.sandbox.sessions.session import Session
from cluster.sandbox.sessions.session_log import SessionLog
from cluster.sandbox.world import WorldEvent

if TYPE_CHECKING:
    from cluster.sandbox.sessions.user_view import UserView
    from cluster.sandbox.world import World

_GUILDS_A_TICK = 20
_WELCOME_BYTES = 1024 * 1024
"""Further GUILD_CREATEs wait until the client has taken all but this much."""
_GUILDS = int(Intents.GUILDS)
_MESSAGE_CONTENT = int(Intents.MESSAGE_CONTENT)


class Dispatcher:
    """All sessions of the bot. now: monotonic seconds; wall: Unix seconds, for the ledgers."""

    def __init__(
        self,
        world: World,
        ledger: Ledger,
        *,
        replay_events: int,
        expiry_s: float,
        now: Callable[[], float],
        wall: Callable[[], float],
        rng: random.Random,
        wake: Callable[[], None],
    ) -> None:
        self._world = world
        self._ledger = ledger
        self._replay_events = replay_events
        self._expiry_s = expiry_s
        self._now = now
        self._wall = wall
        self._rng = rng
        self._wake = wake
        self.sessions: dict[str, Session] = {}
        self.session_log = SessionLog(wall)
        self._routes: dict[int, dict[int, list[Session]]] = {}
        self._warming: dict[str, Session] = {}
        self._holding: dict[str, Session] = {}
        self._lag_s = (0.0, 0.0)
        """Least and most of what a session that begins lags."""
        self.happened = 0
        self.dispatched = 0
        self.expired = 0

    # Sessions

    def open(
        self,
        *,
        shard: int,
        shard_count: int,
        intents: int,
        version: int,
        large_threshold: int,
        user: UserView | None = None,
    ) -> Session:
        """Begin a session that is not connected yet. user: None for the bot's."""
        # Not drawn from rng: a session id is a credential, and two sandboxes must not share any.
        session_id = secrets.token_hex(16)
        session = Session(
            session_id,
            index=self._ledger.add_session(session_id, shard, shard_count),
            shard=shard,
            shard_count=shard_count,
            intents=intents,
            version=version,
            large_threshold=large_threshold,
            replay_events=self._replay_events,
            user=user,
        )
        session.lag_s = self._rng.uniform(*self._lag_s)
        self.sessions[session_id] = session
        self.session_log.opened(session)
        shards = self._routes.setdefault(shard_count, {})
        shards.setdefault(shard, []).append(session)
        return session

    def end(self, session: Session, cause: str) -> None:
        """End a session: nothing more is dispatched to it, and it can't be resumed.

        cause: one of session_log's.
        """
        self.session_log.ended(session, cause)
        session.ended = True
        session.sink = None
        del self.sessions[session.id]
        self._warming.pop(session.id, None)
        self._holding.pop(session.id, None)
        shards = self._routes[session.shard_count]
        shards[session.shard].remove(session)
        if not shards[session.shard]:
            del shards[session.shard]
        if not shards:
            del self._routes[session.shard_count]

    def detach(self, session: Session) -> None:
        """Take the connection from a session, which stays resumable for the expiry time."""
        session.sink = None
        session.detached_at = self._now()

    def expire(self) -> None:
        """End every session that has had no connection for the expiry time."""
        now = self._now()
        for session in list(self.sessions.values()):
            gone = session.detached_at
            if session.sink is None and gone is not None and now - gone >= self._expiry_s:
                self.expired += 1
                self.end(session, session_log.EXPIRED)

    def set_lag(self, most_s: float, least_s: float = 0.0, *, later: bool = True) -> None:
        """Let each session lag by a time of its own between these; 0 and 0 release what was held.
        later: sessions that begin later lag too."""
        least_s = min(least_s, most_s)
        self._lag_s = (least_s, most_s) if later else (0.0, 0.0)
        for session in self.sessions.values():
            session.lag_s = self._rng.uniform(least_s, most_s)
        if not most_s:
            self._release(float("inf"))

    # Events

    def publish(self, events: Iterable[WorldEvent]) -> None:
        """Take what happened in the world to the ledger and to every session that it concerns."""
        for event in events:
            data = event.data
            digest = digest_of(data)
            guild_id = event.guild_id
            self._ledger.happened(event.name, guild_id, digest, self._wall())
            self.happened += 1
            for count, shards in self._routes.items():
                shard = (guild_id >> 22) % count if guild_id is not None else 0
                sessions = shards.get(shard)
                if sessions:
                    for session in sessions:
                        self._offer(session, event, digest)

    def _offer(self, session: Session, event: WorldEvent, digest: bytes) -> None:
        if event.intents and not event.intents & session.intents:
            return
        if event.unseen and session.user is None:
            return
        if session.user is not None:
            members = self._members_of(event.guild_id)
            if not session.user.hears(event.name, event.guild_id, members):
                return
        if session.pending and event.guild_id in session.pending:
            # A guild's events begin with its GUILD_CREATE, which will show what this one did.
            if event.name not in ("GUILD_CREATE", "GUILD_DELETE"):
                return
            del session.pending[event.guild_id]
        if event.name == "GUILD_CREATE" and event.guild_id is not None:
            # Now, not when a lagging session gets it: what happens till then comes after it.
            event = self._as_seen_by(session, event, event.guild_id)
            digest = digest_of(event.data)
        if session.lag_s or session.held:
            session.held.append((self._now() + session.lag_s, event))
            self._holding[session.id] = session
            self._wake()
            return
        self._deliver(session, event, digest)

    def _members_of(self, guild_id: int | None) -> int:
        return 0 if guild_id is None else len(self._world.guild(guild_id).members)

    def _as_seen_by(self, session: Session, event: WorldEvent, guild_id: int) -> WorldEvent:
        """GUILD_CREATE as the session's intents or capabilities let it see the guild."""
        if session.user is not None:
            data = self._world.user_guild(
                guild_id, session.user.capabilities, session.large_threshold
            )
            return WorldEvent(event.name, guild_id, data, event.intents)
        data = self._world.guild_create(
            guild_id, intents=session.intents, large_threshold=session.large_threshold
        )
        return WorldEvent(event.name, guild_id, data, event.intents)

    def _deliver(self, session: Session, event: WorldEvent, digest: bytes) -> None:
        data = event.data
        if event.whole is not None and session.user is not None:
            data = event.whole
            digest = digest_of(data)
        elif event.redacted is not None and not session.intents & _MESSAGE_CONTENT:
            data = event.redacted
            digest = digest_of(data)
        seq = session.dispatch(event.name, digest, data)
        self._ledger.dispatched(session.index, seq, event.name, digest, self._wall())
        self.dispatched += 1

    def dispatch(self, session: Session, name: str, data: bytes) -> int:
        """Dispatch to one session, whatever its intents (READY, chunks ...); return the s."""
        digest = digest_of(data)
        seq = session.dispatch(name, digest, data)
        self._ledger.dispatched(session.index, seq, name, digest, self._wall())
        self.dispatched += 1
        return seq

    def replayed(self, session: Session, seq: int, name: str, digest: bytes) -> None:
        """Note a dispatch that RESUME sent once more."""
        self._ledger.dispatched(session.index, seq, name, digest, self._wall(), replayed=True)

    # A tick's work

    def welcome(self, session: Session) -> None:
        """After READY, send GUILD_CREATE for the shard's guilds, a chunk now and a chunk a tick.

        A user account's READY has its guilds in it.
        """
        if session.user is None and session.intents & _GUILDS:
            ids = self._world.guild_ids(session.shard, session.shard_count)
            session.expect_guilds(filter(self._world.available, ids))
            self._warming[session.id] = session
            self._create_guilds(session)
            self._wake()

    def _create_guilds(self, session: Session) -> None:
        for guild_id in session.next_guilds(_GUILDS_A_TICK):
            data = self._world.guild_create(
                guild_id, intents=session.intents, large_threshold=session.large_threshold
            )
            self.dispatch(session, "GUILD_CREATE", data)
        if not session.pending:
            self._warming.pop(session.id, None)

    @property
    def busy(self) -> bool:
        """Whether a tick has something to do besides the traffic."""
        return bool(self._warming or self._holding)

    def tick(self) -> None:
        """Send new sessions a chunk of GUILD_CREATEs, and lagging ones what is due by now."""
        for session in list(self._warming.values()):
            if session.sink is None or session.sink.waiting < _WELCOME_BYTES:
                self._create_guilds(session)
        if self._holding:
            self._release(self._now())

    def _release(self, due_by: float) -> None:
        for session in list(self._holding.values()):
            held = session.held
            while held and held[0][0] <= due_by:
                event = held.popleft()[1]
                self._deliver(session, event, digest_of(event.data))
            if not held:
                self._holding.pop(session.id)
