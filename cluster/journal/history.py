"""The history of a host's shards, over the journals of all its slots.

A journal that turns out damaged is not read again, and neither is one whose reader died of it
(read_marker.py): what only it holds is gone, and said to be.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple, TypeVar

import lmdb

from cluster.journal import manifest, schema
from cluster.journal.read_marker import ReadMarker, inodes_of
from cluster.journal.reader import Head, JournalReader, RangeQuery, Reach
from cluster.journal.records import DAMAGE, UnreadableJournalError
from cluster.lmdb_files.damage import damage
from cluster.wire.position import ShardKey

log = logging.getLogger(__name__)

DIED_OF_IT: Final = "whoever read it died of it"
FAILURES: Final = 3
"""How often a journal is found damaged before it is not read again: at first its owner may have
been making it."""
Answer = TypeVar("Answer")


class Slice(NamedTuple):
    """All that the journals hold of (after, reached] of an epoch."""

    messages: list[bytes]
    reached: int
    gone: list[tuple[int, int]]
    """Ranges (first, last) within (after, reached] that no journal holds."""
    more: bool
    """The slice is full: ask again."""
    end: int | None
    """Last seq of the epoch, if it is known to be over."""
    next: int | None
    """The epoch that follows in the journals."""
    final: bool
    """No epoch follows the end: the shard count is no more in force."""


class _EpochFacts(NamedTuple):
    """What the journals know of an epoch besides its events; see Slice."""

    head: int
    """Last seq that is known, held or not; -1: none."""
    end: int | None
    next: int | None
    final: bool


class History:
    """Reads every slot's journal under a root folder; follows those that are made or replaced."""

    def __init__(
        self, root: Path, cluster: str,
        opener: Callable[[Path], JournalReader] = JournalReader.open,
        marker: ReadMarker | None = None, clock: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        """marker: where it is noted what is read just now, and what is not to be read."""
        self.unreadable: dict[Path, str] = {}
        """Journals of this cluster that are there and are not read, and why."""
        self._root = root
        self._cluster = cluster
        self._opener = opener
        self._marker = marker
        self._clock = clock
        self._readers: dict[Path, JournalReader] = {}
        self._refused: set[int] = set() if marker is None else set(marker.refused)
        """Inodes of journals that are not read."""
        self._failures: Counter[int] = Counter()

    def close(self) -> None:
        for reader in self._readers.values():
            reader.close()
        self._readers.clear()

    def heads(self) -> list[Head]:
        """Return the head of every shard: its newest state, and the oldest that any slot holds."""
        self._find()
        newest: dict[ShardKey, Head] = {}
        for heads in self._ask(lambda reader: reader.heads()):
            for head in heads:
                key = ShardKey(head.state.shard_count, head.state.shard_id)
                other = newest.get(key)
                if other is None:
                    newest[key] = head
                    continue
                first, second = sorted(
                    (other, head), key=lambda h: (h.state.epoch, h.state.seq), reverse=True
                )
                oldest = min((h.oldest for h in (first, second) if h.oldest), default=None)
                newest[key] = first._replace(oldest=oldest)
        return list(newest.values())

    def read(self, query: RangeQuery) -> Slice:
        """Return a slice of what a query asks for, with what is known of its epoch's end. It takes
        at most the query's seconds, beside what one drain takes."""
        until = self._clock() + query.seconds
        self._find()
        # Before the events are read: a head that is read later may be beyond them.
        facts = self._facts(query.shard_id, query.shard_count, query.epoch)
        messages: list[bytes] = []
        gone: list[tuple[int, int]] = []
        upto, reached, room = query.upto, query.after, query.max_bytes
        while upto is None or reached < upto:
            left_s = until - self._clock()
            best = self._best(query._replace(after=reached, max_bytes=room, seconds=left_s))
            if best is None:
                break
            if best.start > reached + 1:
                gone.append((reached + 1, best.start - 1))
            messages += best.messages
            reached = best.reached
            room -= sum(map(len, best.messages))
            if best.more or room <= 0 or self._clock() > until:
                return Slice(messages, reached, gone, True, facts.end, facts.next, facts.final)
        known = facts.head
        if upto is not None and (facts.next is not None or self.unreadable):
            # The journals are past this epoch, or one that may have held it can't be read: the
            # rest will not come.
            known = max(known, upto)
        limit = known if upto is None else min(known, upto)
        if limit > reached:
            gone.append((reached + 1, limit))
            reached = limit
        return Slice(messages, reached, gone, False, facts.end, facts.next, facts.final)

    def _facts(self, shard_id: int, shard_count: int, epoch: int) -> _EpochFacts:
        """Return what all journals together know of an epoch."""
        facts = self._ask(lambda reader: reader.facts(shard_id, shard_count, epoch))
        # They differ where a session went on from a place that is older than what a journal has.
        end = max((fact.end for fact in facts if fact.end is not None), default=None)
        following = min((fact.next for fact in facts if fact.next is not None), default=None)
        heads = [fact.head for fact in facts if fact.head is not None]
        final = following is None and any(fact.final for fact in facts)
        head = max([*heads, -1 if end is None else end])
        return _EpochFacts(head, end, following, final)

    def _best(self, query: RangeQuery) -> Reach | None:
        """Return the part of the history that goes on soonest after the query's seq, and of those
        the longest; None: no journal has any."""
        reaches = self._ask(lambda reader: reader.read(query))
        return min(
            (reach for reach in reaches if reach.reached >= reach.start),
            key=lambda reach: (reach.start, -reach.reached),
            default=None,
        )

    def _ask(self, question: Callable[[JournalReader], Answer]) -> list[Answer]:
        """Return what each journal answers; one that turns out damaged is left out from now on."""
        answers = []
        for folder, reader in list(self._readers.items()):
            self._note(reader.inode)
            try:
                answers.append(question(reader))
            except DAMAGE as error:
                reader.close()
                del self._readers[folder]
                self._failed(folder, reader.inode, str(error))
            finally:
                self._note(0)
        return answers

    def _find(self) -> None:
        """Open what is there now, close what is not."""
        inodes = inodes_of(self._root)
        for folder, reader in list(self._readers.items()):
            if inodes.get(folder) != reader.inode:
                reader.close()
                del self._readers[folder]
        for inode in (self._refused | set(self._failures)) - set(inodes.values()):
            self._refused.discard(inode)  # Another file may get this number.
            del self._failures[inode]
        self.unreadable = {
            folder: why for folder, why in self.unreadable.items() if folder in inodes
        }
        for folder, inode in inodes.items():
            if folder not in self._readers:
                self._open(folder, inode)

    def _open(self, folder: Path, inode: int) -> None:
        found = manifest.read(folder)
        if found is None or found.cluster != self._cluster:
            return
        if inode in self._refused:
            if folder not in self.unreadable:
                self._leave_out(folder, DIED_OF_IT)
            return
        self._note(inode)
        try:
            if found.opening and not _is_made(folder):
                return
            self._readers[folder] = self._opener(folder)
        except FileNotFoundError:
            return  # Set aside just now.
        except (UnreadableJournalError, lmdb.Error) as error:
            self._leave_out(
                folder, str(error)
            )  # Tried again: it may be in its owner's hands just now.
        else:
            if not self._failures[inode]:
                self.unreadable.pop(folder, None)
        finally:
            self._note(0)

    def _failed(self, folder: Path, inode: int, why: str) -> None:
        self._leave_out(folder, why)
        self._failures[inode] += 1
        if self._failures[inode] >= FAILURES:
            self._refused.add(inode)
            if self._marker is not None:
                self._marker.refuse(inode)

    def _leave_out(self, folder: Path, why: str) -> None:
        if self.unreadable.get(folder) != why:
            log.error("%s is not read, what only it holds is gone: %s", folder, why)
        self.unreadable[folder] = why

    def _note(self, inode: int) -> None:
        if self._marker is not None:
            self._marker.now = inode


def _is_made(folder: Path) -> bool:
    """Return whether a journal that is being opened has its first pages. FileNotFoundError."""
    data = folder / schema.DATA
    return data.stat().st_size > 0 and not damage(data)
