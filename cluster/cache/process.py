"""The process that keeps the cache, ``python -m cluster.cache``.

It subscribes to the events that change it from the position that it has saved, so a restart goes on
where it was; what it can't have any more is a Gap, and leaves guilds of unknown age. If it dies it
is started again; readers, which map its file, go on meanwhile with what is there.
"""

from __future__ import annotations

import asyncio
import logging
import time
from pathlib import Path
from typing import Final

import lmdb
import uvloop
import zmq.asyncio

from cluster.cache.errors import CacheError
from cluster.cache.intake import Intake
from cluster.cache.kinds import Keep
from cluster.cache.reporter import Reporter
from cluster.cache.responder import Responder
from cluster.cache.spec import CacheSpec
from cluster.cache.store import Store
from cluster.child_process import Child
from cluster.control_connection import ControlConnection
from cluster.discord.event_names import event_names
from cluster.errors import AlreadyRunningError
from cluster.folder_lock import FolderLock
from cluster.lmdb_files import crash_log
from cluster.loops import until_one_ends
from cluster.subscriber import Subscriber

log = logging.getLogger(__name__)

LOOK_S: Final = 0.2
"""How soon it is noticed that the process is to end."""
LOCK_S: Final = 10.0
"""How long a process before this one may take to end."""


def serve(spec: CacheSpec, child: Child) -> None:
    """Keep the cache until the child is ending. ClusterError: it can't be opened, or read on."""
    try:
        lock = _lock(Path(spec.folder), child)
        if lock is None:
            return
        try:
            store = open_store(spec)
            uvloop.run(_serve(spec, child, store))
            store.close()  # where something was raised it is not marked clean
        finally:
            lock.release()
    except lmdb.Error as error:
        raise CacheError(f"the cache in {spec.folder} can't be used: {error}") from error
    except OSError as error:
        raise CacheError(f"the cache in {spec.folder} can't be kept ({error.strerror})") from error


def _lock(folder: Path, child: Child) -> FolderLock | None:
    """Take the folder: one whose coordinator was killed may not have ended yet. None: the child is
    ending. Raises AlreadyRunningError."""
    deadline = time.monotonic() + LOCK_S
    while not child.is_ending():
        try:
            return FolderLock(folder, "cache")
        except AlreadyRunningError:
            if time.monotonic() > deadline:
                raise
            time.sleep(LOOK_S)  # a flock can't be awaited with a bound, and no loop runs yet
    return None


def open_store(spec: CacheSpec) -> Store:
    """Open the cache, and have what this process dies of noted beside it. Raises CacheError."""
    folder = Path(spec.folder)
    store = Store.open(
        folder, max_bytes=spec.max_bytes, keep=frozenset(map(Keep, spec.keep)),
        cluster=spec.cluster, boot_id=spec.boot_id,
    )  # fmt: skip
    try:
        crash_log.watch(folder)
    except OSError as error:
        log.warning("a death by the cache would leave no word in %s: %s", folder, error)
    return store


async def _serve(spec: CacheSpec, child: Child, store: Store) -> None:
    context = zmq.asyncio.Context()
    coordinator = ControlConnection(spec.control)
    subscriber = Subscriber(
        spec.events, event_names(*store.names), start=store.position or "oldest",
        replay=spec.replay, control=spec.control, name="cache",
    )  # fmt: skip
    intake = Intake(store, subscriber)
    try:
        responder = Responder(context, spec.endpoint, store.snapshot)
        try:
            child.ready()
            await until_one_ends(
                responder.run(),
                Reporter(store, spec.max_bytes, intake, coordinator).run(),
                _follow(subscriber, intake),
                _until_ending(child),
            )
        finally:
            responder.close()
    finally:
        coordinator.close()
        context.destroy(linger=0)


async def _until_ending(child: Child) -> None:
    while not child.is_ending():  # noqa: ASYNC110  # a signal handler sets it, or the parent's end
        await asyncio.sleep(LOOK_S)


async def _follow(subscriber: Subscriber, intake: Intake) -> None:
    async with subscriber:
        await until_one_ends(intake.read(), intake.write())
