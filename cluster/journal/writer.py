"""Journal: one transaction a turn of the event loop, the oldest pruned, a failing disk survived.

A drain is appended as it comes and written by ``flush``: see turn.py.

Thread use: none; a journal belongs to one event loop and is never taken across fork.
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path

import lmdb
import msgspec

from cluster.clocks import since_boot_s
from cluster.errors import ClusterError
from cluster.journal import checks, environment, manifest, schema
from cluster.journal.contents import JournalStats, Recent
from cluster.journal.manifest import Manifest
from cluster.journal.pages import NO_ROWS, Pages
from cluster.journal.recent import RecentTurns
from cluster.journal.records import DAMAGE
from cluster.journal.suspension import Suspension
from cluster.journal.turn import TURN_BYTES, Append
from cluster.lmdb_files.disk import no_room
from cluster.wire.position import ShardKey
from cluster.wire.shard_state import ShardState

log = logging.getLogger(__name__)
_encode_state = msgspec.msgpack.Encoder().encode


class JournalError(ClusterError):
    """The journal can't be opened."""


class Journal:
    """The journal of a worker slot. Made by ``Journal.open``; ``close`` ends it."""

    def __init__(
        self,
        folder: Path,
        content: Manifest,
        budget_bytes: int,
        shards: int,
        clock_ns: Callable[[], int],
        unix_ns: int,
        set_aside: str,
    ) -> None:
        self.journalling = True
        """The last turn was written; False: it is published from memory, and a crash loses it."""
        self.unjournalled = 0
        """How many appends were not written, of those that were flushed."""
        self.appended_bytes = 0
        """Bytes of the messages of all appends, of those that were flushed."""
        self.set_aside = set_aside
        """Why a journal of this slot was last set aside; empty: none was."""
        self.recent = RecentTurns()
        """Those that were flushed."""
        self.last_record = 0
        """Number of the newest record that was appended; 0: none yet. Records count from 1."""
        self._turn: list[Append] = []
        """What was appended and not flushed."""
        self._turn_bytes = 0
        self._folder = folder
        self._manifest = content
        self._budget = budget_bytes
        self._shards = shards
        self._clock_ns = clock_ns
        self._ahead_ns = unix_ns - clock_ns()
        """What makes Unix time of the clock's, whatever the host's clock is set to meanwhile."""
        self._suspension = Suspension()
        self._allocated = False
        """The file has all the room that it takes."""
        self._closed = False
        self._pages: Pages | None = None
        """None: there was no room to begin one."""
        self._states: dict[ShardKey, ShardState] = {}
        self._appended: dict[int, tuple[ShardState, bytes]] = {}
        """Shard id -> the state that was appended last, and its key. It is changed in place, so
        most drains bring the same one: a key for each was a fiftieth of a lone event's
        instructions."""
        self._changed: dict[bytes, ShardState] = {}
        """By key, the states that were appended since `changed_states` was asked last."""
        self._state_rows: dict[bytes, bytes] = {}
        """The states as they were appended last: they may have changed since, with a drain that is
        not appended yet, and the file is not to be ahead of what it holds."""

    @classmethod
    def open(
        cls, folder: Path, *, budget_bytes: int, slot: int, cluster: str, boot_id: str,
        shards: int = 1, clock_ns: Callable[[], int] = time.monotonic_ns,
        unix_ns: Callable[[], int] = time.time_ns,
    ) -> Journal:  # fmt: skip
        """Open the journal in this folder (made if need be, 0700), which the caller owns by its
        lock.

        budget_bytes: what it may hold; the file is allocated twice as large. shards: of how many
        shards drains are appended, at most, beside those that the file has; there is room for some
        hundreds in any case. A journal that can't be trusted (another cluster's, damaged, from
        before an unclean reboot) is set aside. Where a new one finds no room, events go out
        unjournalled until there is. clock_ns: monotonic. unix_ns: asked once, so that an age may be
        told over restarts.
        Raises JournalError.
        """
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        folder.chmod(0o700)
        objection = checks.objection(folder, cluster=cluster, boot_id=boot_id)
        if objection:
            log.warning("the journal in %s is set aside: %s", folder, objection)
            checks.set_aside(folder)
        before = manifest.read(folder)
        opening = before.opening + 1 if before else 1
        content = Manifest(cluster=cluster, slot=slot, boot_id=boot_id, opening=opening)
        journal = cls(folder, content, budget_bytes, shards, clock_ns, unix_ns(), objection)
        data = folder / schema.DATA
        new = not (data.exists() and data.stat().st_size)  # an empty one found no room before
        try:
            journal._open()
        except DAMAGE as error:
            journal._begin_anew(error)
        except (lmdb.Error, OSError) as error:
            if not (new and no_room(error)):
                raise JournalError(
                    f"the journal in {folder} can't be opened: {error}",
                    "see that the disk has room for twice journal_bytes and that the folder is "
                    "yours",
                ) from error
            journal._suspend(error, clock_ns())
        return journal

    def _open(self) -> None:
        """Raises lmdb.Error, OSError, DAMAGE."""
        opening = self._manifest.opening
        try:
            manifest.write(self._folder, self._manifest)
            pages = self._open_pages()
        except BaseException:
            with contextlib.suppress(OSError):  # nobody died of it
                self._note(opening=opening - 1)
            raise
        self._pages, self._states = pages, self._states or pages.states
        self._state_rows = self._state_rows or pages.state_rows
        self.last_record = max(self.last_record, pages.last_record)
        self.journalling = True

    def _open_pages(self) -> Pages:
        env, self._allocated = environment.open_for_writing(
            self._folder, self._budget, self._shards
        )
        try:
            pages = Pages(env, self._budget)
            if self._state_rows:
                pages.put_states(self._state_rows)
            self._note(opening=0)
        except BaseException:
            env.close()
            raise
        return pages

    def _note(self, *, opening: int, clean: bool = False) -> None:
        """Write down how the journal is left. OSError."""
        closed_s = since_boot_s() if clean else 0.0
        content = msgspec.structs.replace(
            self._manifest, opening=opening, clean=clean, closed_s=closed_s
        )
        manifest.write(self._folder, content)

    def _begin_anew(self, why: BaseException) -> None:
        """The file is damaged: what it held is gone, what is known of the shards goes into a new
        one. Without room for it events go out unjournalled."""
        self.set_aside = f"it is damaged: {why}"
        log.error("the journal in %s is set aside: %s", self._folder, self.set_aside)
        if self._pages is not None:
            self._pages.env.close()
            self._pages = None
        checks.set_aside(self._folder)
        try:
            self._open()
        except (lmdb.Error, OSError, *DAMAGE) as error:
            self._suspend(error, self._clock_ns())

    def _suspend(self, why: BaseException, now_ns: int) -> None:
        if self._suspension.refused(now_ns):
            log.error("the journal can't be written: %s; events go out unjournalled", why)
        self.journalling = False

    @property
    def suspended(self) -> bool:
        """Whether a write has failed, and since then no second has passed in which all succeeded,
        with room for more at its end."""
        return self._suspension.on

    def states(self) -> dict[ShardKey, ShardState]:
        """Return the state of each shard: what a new process resumes from, and what was appended
        since."""
        self.flush()
        return self._states

    def changed_states(self) -> Collection[ShardState]:
        """Return the states that were appended since this was asked last, as they are now."""
        self.flush()
        changed, self._changed = self._changed, {}
        return changed.values()

    @property
    def stats(self) -> JournalStats:
        """What the journal holds now."""
        self.flush()
        if self._pages is None:
            return JournalStats(0, None, self.last_record)
        oldest = self._pages.oldest_ns
        now_ns = self._clock_ns() + self._ahead_ns
        seconds = None if oldest is None else max(0.0, (now_ns - oldest) / 1e9)
        return JournalStats(self._pages.bytes, seconds, self.last_record)

    def append(self, shard_id: int, messages: Sequence[bytes], state: ShardState) -> int:
        """Take a drain and its shard's state, which the next ``flush`` writes; return its last
        record's number. ``messages`` may be empty: then only the state is written.

        What would make the transaction too large is flushed here.
        """
        known = self._appended.get(shard_id)
        if known is None or known[0] is not state:
            known = state, schema.shard_key.pack(shard_id, state.shard_count)
            self._appended[shard_id] = known
            self._states[ShardKey(state.shard_count, shard_id)] = state
        size = sum(map(len, messages))
        if self._turn_bytes + size > TURN_BYTES:
            self.flush()
        key = known[1]
        self._changed[key] = state
        row = self._state_rows[key] = _encode_state(state)
        self._turn.append(Append(shard_id, self.last_record + 1, messages, key, row))
        self._turn_bytes += size
        self.last_record += len(messages)
        if self._turn_bytes > TURN_BYTES:
            self.flush()
        return self.last_record

    def flush(self) -> None:
        """Write what was appended since the last time, in one transaction: at the end of each turn
        of the event loop, and before anything depends on it.

        If it can't be written, ``journalling`` turns False and the messages are kept in memory for
        the publisher all the same.
        """
        turn = self._turn
        if not turn:
            return
        # Taken first: an error that nobody had foreseen ends the process, which is not to meet it
        # again when it closes the journal. What it had is not published, and comes again.
        size, self._turn, self._turn_bytes = self._turn_bytes, [], 0
        self.appended_bytes += size
        now_ns = self._clock_ns()
        if self.journalling or self._suspension.is_due(now_ns):
            self._write(turn, now_ns)
        if not self.journalling:
            self.unjournalled += len(turn)
        messages = [message for append in turn for message in append.messages]
        if messages:
            self.recent.add(turn[0].first_record, messages, size)

    def release(self, record: int) -> None:
        """Drop from memory what the publisher is past: all up to this record."""
        self.recent.release(record)

    def _write(self, turn: Sequence[Append], now_ns: int) -> None:
        was_journalling, self.journalling = self.journalling, True
        try:
            if self._pages is None:
                self._open()
            assert self._pages is not None
            # Of a shard that has been quiet since, the file has the state of before.
            others = NO_ROWS if was_journalling else self._state_rows
            self._pages.write(turn, now_ns + self._ahead_ns, others)
        except DAMAGE as error:
            self.journalling = was_journalling
            self._begin_anew(error)
            if self._pages is not None:
                self._write(turn, now_ns)
        except (lmdb.Error, OSError) as error:
            self.journalling = was_journalling
            self._suspend(error, now_ns)
        else:
            if self._suspension.on and self._suspension.taken(now_ns, self._has_room):
                log.warning(
                    "the journal is written again; %d drains are not in it", self.unjournalled
                )

    def _has_room(self) -> bool:
        return self._allocated or environment.has_room(self._folder)

    def retry(self) -> None:
        """Try to write while it is suspended: even when nothing is received, the file's states are
        not to be old. Call it every second."""
        self.flush()
        now_ns = self._clock_ns()
        if self._state_rows and self._suspension.is_due(now_ns):
            self._write_states(now_ns)

    def _write_states(self, now_ns: int) -> None:
        key, row = next(iter(self._state_rows.items()))
        shard_id = schema.shard_key.unpack(key)[0]
        self._write([Append(shard_id, self.last_record + 1, (), key, row)], now_ns)

    def after(self, record: int) -> Recent | None:
        """Return a turn with a record beyond this one, the first, from memory, or its append from
        the file; None: there is none. It may begin later than ``record + 1``: what lay between was
        pruned."""
        if record >= self.last_record:  # which saves a look into the file
            return None
        if self._turn:
            self.flush()
        recent = self.recent.after(record)
        if recent is not None and recent.first_record <= record + 1:
            return recent
        return self._read_after(record) or recent

    def _read_after(self, record: int) -> Recent | None:
        if self._pages is None:
            return None
        try:
            found = self._pages.read_after(record)
        except DAMAGE as error:
            self._begin_anew(error)
            return None
        if found is None:
            return None
        first, messages = found
        return Recent(first, first + len(messages) - 1, messages, sum(map(len, messages)))

    def record_before(self, known: Mapping[int, tuple[int, int]]) -> int:
        """Return the record up to which all is known. known: shard id -> (epoch, seq); a shard of
        which nothing is known holds nobody back."""
        self.flush()
        beyond = None
        if self._pages is not None:
            try:
                beyond = self._pages.first_beyond(known)
            except DAMAGE as error:
                self._begin_anew(error)
        return self.last_record if beyond is None else beyond - 1

    def env(self) -> lmdb.Environment:
        """Return the environment, for a reader in this same process, which sees what was flushed:
        LMDB must not be opened twice in one."""
        assert self._pages is not None
        return self._pages.env

    def check_readers(self) -> int:
        """Clear the slots of readers that died; call it every second. Return how many there
        were."""
        return 0 if self._pages is None else self._pages.env.reader_check()

    def sync(self) -> None:
        """Write all to the disk; without it a crash of the kernel loses what is not there yet."""
        self.flush()
        if self._pages is not None:
            self._pages.env.sync(True)

    def close(self) -> None:
        """Sync and close; the journal is marked clean. Calling it again does nothing."""
        if self._closed:
            return
        self._closed = True
        self.flush()
        if not self.journalling and self._state_rows:
            self._write_states(self._clock_ns())
        if self._pages is None:
            return
        self._pages.env.sync(True)
        self._pages.env.close()
        self._note(opening=0, clean=True)
