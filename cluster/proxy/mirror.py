"""The cluster's cache on a host that has none of it: copied guild by guild by the control endpoint,
then kept by the events, as the cluster's own is. This process alone writes and reads it.

What is copied is as new as its position, or newer, and the events from that position on are applied
to it: what was changed meanwhile is changed to the same once more. A guild's member_count may be
off by those who came or went in these seconds, until its next GUILD_CREATE.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Protocol, Self

import msgspec

from cluster.cache import CacheError
from cluster.cache.guild_state import GuildState
from cluster.cache.intake import Intake
from cluster.cache.kinds import Keep, Kind
from cluster.cache.reading.snapshot import Snapshot
from cluster.cache.store import Store
from cluster.clocks import boot_id
from cluster.control.cache_queries import CacheQueries
from cluster.errors import ClusterError
from cluster.folder_lock import FolderLock
from cluster.proxy.sessions.positions import Positions

log = logging.getLogger(__name__)

AT_ONCE: Final = 8
"""Guilds that are asked for at a time."""
AGAIN_S: Final = 1.0
MEND_S: Final = 10.0
"""How often guilds are looked for of which events were missed; less often, up to LONGEST_MEND_S,
while the cluster's own cache has missed them, too."""
LONGEST_MEND_S: Final = 300.0
MEND_WITHIN_S: Final = 10.0
"""How long no events are taken in at most while such guilds are copied; what is left is copied the
next time."""
LOOK_S: Final = 0.1


class Subscribe(Protocol):
    """Makes a Subscriber of events of these names."""

    def __call__(
        self, start: str | dict[str, Any], *, events: list[str]
    ) -> AbstractAsyncContextManager[Any]: ...


class _User(msgspec.Struct):
    id: str


class _Bot(msgspec.Struct):
    user: _User


class Mirror:
    """A context manager; within it `run` keeps it up to date."""

    def __init__(self, queries: CacheQueries, lock: FolderLock, store: Store) -> None:
        self._queries = queries
        self._lock = lock
        self._store = store

    @classmethod
    async def of(
        cls, folder: Path, queries: CacheQueries, keep: frozenset[Keep], max_bytes: int
    ) -> Self:
        """Open the copy in a folder, and make it where there is none of this cluster yet.
        ClusterError: the cluster's cache has nothing, or can't be asked; or the folder can't be
        used."""
        position = await queries.position()
        if position is None:
            raise CacheError("the cluster's cache has nothing yet", "wait until a shard is ready")
        lock = FolderLock(folder, "proxy")
        try:
            store = Store.open(
                folder, max_bytes=max_bytes, keep=keep, cluster=position["store"], boot_id=boot_id()
            )
        except BaseException:
            lock.release()
            raise
        mirror = cls(queries, lock, store)
        try:
            if store.position is None:
                await mirror._copy(position)
        except BaseException:
            mirror.close()
            raise
        return mirror

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the copy, which stays in its folder."""
        self._store.close()
        self._lock.release()

    def snapshot(self) -> Snapshot:
        """Return the copy as it is now, to be left within the turn of the event loop."""
        return self._store.snapshot()

    async def run(self, subscribe: Subscribe) -> None:
        """Keep it up to date until cancelled."""
        while True:
            following = asyncio.create_task(self._follow(subscribe))
            try:
                unsure = await self._unsure(following)
            finally:
                following.cancel()
                await asyncio.gather(following, return_exceptions=True)
            try:
                async with asyncio.timeout(MEND_WITHIN_S):
                    await self._mend(unsure)
            except (ClusterError, TimeoutError) as error:
                log.warning("guilds can't be copied anew: %s", error or "it takes too long")

    async def _follow(self, subscribe: Subscribe) -> None:
        names = sorted(self._store.names)
        while True:
            subscriber = subscribe(self._store.position or "oldest", events=names)
            try:
                async with subscriber as stream, asyncio.TaskGroup() as group:
                    intake = Intake(self._store, stream)
                    writing = group.create_task(intake.write())
                    await intake.read()
                    writing.cancel()
            except* ClusterError as errors:
                log.warning("%s; subscribing again", errors.exceptions[0])
            await asyncio.sleep(AGAIN_S)

    async def _unsure(self, following: asyncio.Task[None]) -> list[int]:
        """Wait until there are guilds of which events were missed here, and not there. Return
        them."""
        wait_s = MEND_S
        while True:
            await asyncio.wait((following,), timeout=wait_s)
            if following.done():
                following.result()
            with self._store.snapshot() as snapshot:
                unsure = [one.id for one in snapshot.guilds() if one.state.unknown_since_ns]
            try:
                found = [one for one in unsure if await self._is_sure_there(one)]
            except (ClusterError, TimeoutError) as error:
                log.warning("guilds can't be copied anew: %s", error)
                found = []
            if found:
                return found
            wait_s = min(2 * wait_s, LONGEST_MEND_S) if unsure else MEND_S

    async def _is_sure_there(self, guild_id: int) -> bool:
        row = await self._queries.guild_state(guild_id)
        return row is None or not row.unknown_since_ns

    async def _is_as_far_there(self, here: Positions) -> bool:
        return Positions.read(await self._queries.position()).covers(here)

    async def _mend(self, guild_ids: list[int]) -> None:
        """Copy guilds anew, while no events come: what is copied must not be older than what was
        taken in here, since that does not come again."""
        log.info("%d guilds of which events were missed are copied anew", len(guild_ids))
        here = Positions.read(self._store.position)
        while not await self._is_as_far_there(here):  # noqa: ASYNC110  # another process goes on
            await asyncio.sleep(LOOK_S)
        await self._copy_guilds(guild_ids)

    async def _copy(self, position: dict[str, Any]) -> None:
        """Copy all guilds. position: of the cluster's cache before."""
        queries = self._queries
        bot = await queries.bot()
        if bot is None:
            raise CacheError("the cluster's cache knows no bot yet", "wait until a shard is ready")
        guild_ids = await queries.guild_ids()
        log.info("the cluster's cache is copied: %d guilds", len(guild_ids))
        own_id = int(msgspec.json.decode(bot.raw, type=_Bot).user.id)
        with self._store.turn() as turn:
            turn.begin_copy(own_id, bot.raw)
        await self._copy_guilds(guild_ids)
        with self._store.turn() as turn:
            turn.position = position
        log.info("the cluster's cache was copied")

    async def _copy_guilds(self, guild_ids: list[int]) -> None:
        for start in range(0, len(guild_ids), AT_ONCE):
            some = guild_ids[start : start + AT_ONCE]
            copies = await asyncio.gather(*(_guild(self._queries, one) for one in some))
            with self._store.turn() as turn:
                for put in copies:
                    put(turn)


async def _guild(queries: CacheQueries, guild_id: int) -> Callable[[Any], None]:
    """Return what puts a guild into a turn of a store."""
    row = await queries.guild_state(guild_id)
    if row is None:  # it has gone meanwhile
        return lambda turn: turn.forget_guild(guild_id)
    found = await asyncio.gather(*(queries.raw_parts(guild_id, kind) for kind in Kind))
    state = GuildState(
        unavailable=row.unavailable, member_count=row.member_count,
        unknown_since_ns=row.unknown_since_ns, known=row.known,
    )  # fmt: skip
    kinds = dict(zip(Kind, found, strict=True))
    return lambda turn: turn.copy_guild(guild_id, state, kinds)
