"""The history of a host's shards, over the journals of all its slots."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

import lmdb

from cluster.journal import identity
from cluster.journal.reader import Head, JournalReader
from cluster.journal.records import UnreadableJournalError

log = logging.getLogger(__name__)

SLICE_BYTES: Final = 1024 * 1024


class Slice(NamedTuple):
    """All that is held of (after, reached] of an epoch; see wire.replay.RangeAnswer."""

    messages: list[bytes]
    reached: int
    gone: list[tuple[int, int]]
    more: bool
    end: int | None
    next: int | None


class History:
    """Reads every slot's journal under a root folder; follows those that are made or replaced."""

    def __init__(
        self, root: Path, cluster: str, opener: Callable[[Path], JournalReader] = JournalReader.open
    ) -> None:
        self._root = root
        self._cluster = cluster
        self._opener = opener
        self._readers: dict[Path, JournalReader] = {}
        self._refused: dict[Path, str] = {}

    def close(self) -> None:
        for reader in self._readers.values():
            reader.close()
        self._readers.clear()

    def heads(self) -> list[Head]:
        """Every shard, by its newest state; the oldest that any slot holds of it."""
        newest: dict[tuple[int, int], Head] = {}
        for reader in self._current():
            for head in reader.heads():
                key = (head.state.shard_count, head.state.shard_id)
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
    ) -> Slice:  # fmt: skip
        """A slice of (after, upto] of an epoch, with what is known of its end."""
        readers = self._current()
        # Before the events are read: a head that is read later may be beyond them.
        facts = [reader.facts(shard_id, shard_count, epoch) for reader in readers]
        end = next((fact.end for fact in facts if fact.end is not None), None)
        following = min((fact.next for fact in facts if fact.next is not None), default=None)
        head = max((fact.head for fact in facts if fact.head is not None), default=-1)
        messages: list[bytes] = []
        gone: list[tuple[int, int]] = []
        while upto is None or after < upto:
            reaches = [
                reach
                for reader in readers
                if (reach := reader.read(
                    shard_id, shard_count, epoch, after, upto, names, max_bytes
                )).reached >= reach.start
            ]  # fmt: skip
            if not reaches:
                break
            best = min(reaches, key=lambda reach: (reach.start, -reach.reached))
            if best.start > after + 1:
                gone.append((after + 1, best.start - 1))
            messages += best.messages
            after = best.reached
            max_bytes -= sum(map(len, best.messages))
            if best.more or max_bytes <= 0:
                return Slice(messages, after, gone, True, end, following)
        known = max(head, -1 if end is None else end)
        if following is not None and upto is not None:
            known = max(known, upto)  # The journals are past this epoch: the rest will not come.
        limit = known if upto is None else min(known, upto)
        if limit > after:
            gone.append((after + 1, limit))
            after = limit
        return Slice(messages, after, gone, False, end, following)

    def _current(self) -> list[JournalReader]:
        """Readers of the journals that are there now."""
        for folder, reader in list(self._readers.items()):
            if not reader.current(folder):
                reader.close()
                del self._readers[folder]
        for data in sorted(self._root.glob(f"*/{identity.DATA}")):
            folder = data.parent
            if folder not in self._readers:
                self._open(folder)
        return list(self._readers.values())

    def _open(self, folder: Path) -> None:
        whose = identity.read(folder)
        if whose is None or whose.cluster != self._cluster or whose.opening:
            return
        try:
            self._readers[folder] = self._opener(folder)
        except FileNotFoundError:
            return  # Set aside just now.
        except (UnreadableJournalError, lmdb.Error) as error:
            if self._refused.get(folder) != str(error):
                log.error("a journal is not read, what only it holds is gone: %s", error)
            self._refused[folder] = str(error)
