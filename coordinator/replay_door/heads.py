"""What the hosts' journals hold of which shard, as each host said last. Pure.

It says whom to ask. A host that is not heard of is remembered: its shards are not gone.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Set
from typing import Final, NamedTuple

from cluster.wire import replay
from cluster.wire.position import ShardKey
from cluster.wire.replay import HeadRow
from cluster.wire.states import HeadState

_LATER: Final = {HeadState.HELD: 0, HeadState.NONE: 1, HeadState.RETIRED: 2}
"""In which order a shard has these states at one place."""


class HostHeads(NamedTuple):
    """What one host said of its journals."""

    rows: dict[ShardKey, HeadRow]
    unreadable: int


def heads_of(answer: replay.HeadsAnswer) -> HostHeads:
    """Return what a host's answer says."""
    rows = {ShardKey(row.shard_count, row.shard_id): row for row in answer.shards}
    return HostHeads(rows, answer.unreadable)


class HeadsTable:
    """The heads of all hosts, by name: an agent that was started again has the same journals."""

    def __init__(self) -> None:
        self._hosts: dict[str, HostHeads] = {}
        self._merged: tuple[frozenset[str], list[HeadRow]] | None = None
        """The rows that were merged last, without those hosts; None: something has changed."""

    def learn(self, name: str, heads: HostHeads) -> None:
        """Take in what a host said."""
        self._hosts[name] = heads
        self._merged = None

    def keep(self, names: Collection[str]) -> None:
        """Forget all hosts but these."""
        if not self._hosts.keys() <= set(names):
            self._hosts = {name: heads for name, heads in self._hosts.items() if name in names}
            self._merged = None

    def unknown(self, names: Iterable[str]) -> list[str]:
        """Return those of these hosts that have never said what they hold."""
        return [name for name in names if name not in self._hosts]

    def likeliest(self, question: replay.RangeRequest, here: Collection[str]) -> str | None:
        """Return which of the hosts that are here holds what is asked for, from the first seq on
        and the most of it; where none is known to, the one that has had the newest of the epoch.
        None: none has."""
        place = (question.epoch, question.after + 1)
        known = [(_place(row), name, row) for name, row in self._rows(question)]
        holding = [
            (upto, name)
            for upto, name, row in known
            if name in here and row.oldest is not None and row.oldest <= place <= upto
        ]
        if holding:
            return max(holding)[1]
        newest = max((upto for upto, _, _ in known), default=(0, -1))
        has_had = [name for upto, name, _ in known if upto == newest and name in here]
        return max(has_had) if has_had and newest[0] == question.epoch else None

    def is_alone(self, question: replay.RangeRequest, name: str) -> bool:
        """Whether this host, and no other, is known to know the epoch, or a later one."""
        knowing = {other for other, row in self._rows(question) if row.epoch >= question.epoch}
        return knowing == {name}

    def may_say(self, question: replay.RangeRequest, name: str) -> bool:
        """Whether a host's journals may hold some of what is asked for, or know the epoch's end or
        what follows it."""
        heads = self._hosts.get(name)
        if heads is None or heads.unreadable:
            return True
        row = heads.rows.get(_key(question))
        return row is not None and row.epoch >= question.epoch

    def merged(self, question: int, cluster: str, gone: Set[str]) -> replay.HeadsAnswer:
        """Return the heads of all shards: each as its newest state says, and from the oldest that
        any host holds. question: its id. cluster: the store id. gone: hosts whose journals are no
        more; they still say how far their shards were."""
        unreadable = sum(h.unreadable for name, h in self._hosts.items() if name not in gone)
        if self._merged is None or self._merged[0] != gone:
            self._merged = frozenset(gone), self._merge(gone)
        return replay.HeadsAnswer(
            id=question, cluster=cluster, shards=self._merged[1], unreadable=unreadable
        )

    def _merge(self, gone: Collection[str]) -> list[HeadRow]:
        rows: dict[ShardKey, HeadRow] = {}
        for name, heads in self._hosts.items():
            for key, row in heads.rows.items():
                held = _with_oldest(row, None) if name in gone else row
                rows[key] = held if (other := rows.get(key)) is None else _newer(held, other)
        return list(rows.values())

    def _rows(self, question: replay.RangeRequest) -> Iterable[tuple[str, HeadRow]]:
        key = _key(question)
        for name, heads in self._hosts.items():
            if (row := heads.rows.get(key)) is not None:
                yield name, row


def _key(question: replay.RangeRequest) -> ShardKey:
    return ShardKey(question.shard_count, question.shard_id)


def _place(row: HeadRow) -> tuple[int, int]:
    return row.epoch, row.seq


def _newer(one: HeadRow, other: HeadRow) -> HeadRow:
    oldest = min((row.oldest for row in (one, other) if row.oldest is not None), default=None)
    return _with_oldest(max(one, other, key=_age), oldest)


def _age(row: HeadRow) -> tuple[int, int, int, int]:
    since = 0 if row.public is None else row.public.since_ns
    return row.epoch, row.seq, _LATER[row.state], since


def _with_oldest(row: HeadRow, oldest: tuple[int, int] | None) -> HeadRow:
    return HeadRow(
        row.shard_count, row.shard_id, row.epoch, row.seq, oldest, row.public, row.state
    )  # fmt: skip
