"""The history of a host's shards, over the journals of all its slots.

A journal that turns out damaged is not read again, and neither is one whose reader died of it
(cluster.journal.reading): what only it holds is gone, and said to be.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple, TypeVar

import lmdb

from cluster.journal import manifest
from cluster.journal.read_marker import ReadMarker, inodes_of
from cluster.journal.reader import READ_SECONDS, Head, JournalReader
from cluster.journal.records import DAMAGE, UnreadableJournalError
from cluster.wire.position import ShardKey

log = logging.getLogger(__name__)

SLICE_BYTES: Final = 1024 * 1024
DIED_OF_IT: Final = "whoever read it died of it"
FAILURES: Final = 3
"""So often a journal is found damaged before it is not looked at again: at first its owner may
have been making it."""
_Answer = TypeVar("_Answer")


class Slice(NamedTuple):
    """All that is held of (after, reached] of an epoch; see wire.replay.RangeAnswer."""

    messages: list[bytes]
    reached: int
    gone: list[tuple[int, int]]
    more: bool
    end: int | None
    next: int | None
    final: bool


class History:
    """Reads every slot's journal under a root folder; follows those that are made or replaced."""

    def __init__(
        self, root: Path, cluster: str,
        opener: Callable[[Path], JournalReader] = JournalReader.open,
        reading: ReadMarker | None = None, clock: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        """reading: where it is noted what is read just now, and what is not to be read."""
        self.unreadable: dict[Path, str] = {}
        """Journals of this cluster that are there and are not read, and why."""
        self._root = root
        self._cluster = cluster
        self._opener = opener
        self._reading = reading
        self._clock = clock
        self._readers: dict[Path, JournalReader] = {}
        self._refused: set[int] = set() if reading is None else set(reading.refused)
        """Inodes."""
        self._failures: Counter[int] = Counter()

    def close(self) -> None:
        for reader in self._readers.values():
            reader.close()
        self._readers.clear()

    def heads(self) -> list[Head]:
        """Every shard, by its newest state; the oldest that any slot holds of it."""
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

    def read(
        self, shard_id: int, shard_count: int, epoch: int, after: int, upto: int | None,
        names: frozenset[str] | None, max_bytes: int = SLICE_BYTES,
        seconds: float = READ_SECONDS,
    ) -> Slice:  # fmt: skip
        """A slice of (after, upto] of an epoch, with what is known of its end. It may take so many
        seconds, but for what one drain takes."""
        until = self._clock() + seconds
        self._find()
        # Before the events are read: a head that is read later may be beyond them.
        facts = self._ask(lambda reader: reader.facts(shard_id, shard_count, epoch))
        end = next((fact.end for fact in facts if fact.end is not None), None)
        following = min((fact.next for fact in facts if fact.next is not None), default=None)
        head = max((fact.head for fact in facts if fact.head is not None), default=-1)
        final = following is None and any(fact.final for fact in facts)
        messages: list[bytes] = []
        gone: list[tuple[int, int]] = []
        while upto is None or after < upto:
            start, room, left = after, max_bytes, until - self._clock()
            reaches = [
                reach
                for reach in self._ask(
                    lambda reader: reader.read(
                        shard_id, shard_count, epoch, start, upto, names, room, left  # noqa: B023  # asked at once
                    )
                )
                if reach.reached >= reach.start
            ]  # fmt: skip
            if not reaches:
                break
            best = min(reaches, key=lambda reach: (reach.start, -reach.reached))
            if best.start > after + 1:
                gone.append((after + 1, best.start - 1))
            messages += best.messages
            after = best.reached
            max_bytes -= sum(map(len, best.messages))
            if best.more or max_bytes <= 0 or self._clock() > until:
                return Slice(messages, after, gone, True, end, following, final)
        known = max(head, -1 if end is None else end)
        if upto is not None and (following is not None or self.unreadable):
            # The journals are past this epoch, or one that may have held it can't be read: the
            # rest will not come.
            known = max(known, upto)
        limit = known if upto is None else min(known, upto)
        if limit > after:
            gone.append((after + 1, limit))
            after = limit
        return Slice(messages, after, gone, False, end, following, final)

    def _ask(self, question: Callable[[JournalReader], _Answer]) -> list[_Answer]:
        """What each journal answers; one that turns out damaged is left out from now on."""
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
        whose = manifest.read(folder)
        if whose is None or whose.cluster != self._cluster:
            return
        if inode in self._refused:
            if folder not in self.unreadable:
                self._tell(folder, DIED_OF_IT)
            return
        self._note(inode)
        try:
            if whose.opening and not _made(folder):
                return
            self._readers[folder] = self._opener(folder)
        except FileNotFoundError:
            return  # Set aside just now.
        except (UnreadableJournalError, lmdb.Error) as error:
            self._tell(folder, str(error))  # Tried again: it may be in its owner's hands just now.
        else:
            if not self._failures[inode]:
                self.unreadable.pop(folder, None)
        finally:
            self._note(0)

    def _failed(self, folder: Path, inode: int, why: str) -> None:
        self._tell(folder, why)
        self._failures[inode] += 1
        if self._failures[inode] >= FAILURES:
            self._refused.add(inode)
            if self._reading is not None:
                self._reading.refuse(inode)

    def _tell(self, folder: Path, why: str) -> None:
        if self.unreadable.get(folder) != why:
            log.error("%s is not read, what only it holds is gone: %s", folder, why)
        self.unreadable[folder] = why

    def _note(self, inode: int) -> None:
        if self._reading is not None:
            self._reading.now = inode


def _made(folder: Path) -> bool:
    """Whether a journal that is being opened has its first pages. Raises FileNotFoundError."""
    data = folder / manifest.DATA
    return data.stat().st_size > 0 and not manifest.damage(data)
