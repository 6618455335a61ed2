"""ShardChain: the rule of cluster.chain for one shard."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from cluster.subscriber.chain.gaps import missing
from cluster.subscriber.chain.held_events import HeldEvents, made, measured, memory
from cluster.subscriber.chain.types import (
    NAME_BYTES,
    Mark,
    Missing,
    Names,
    Output,
    RangeAsk,
    RangeReply,
    Reached,
)
from cluster.wire.batch import Batch, Event, hole_first
from cluster.wire.states import GapReason
from cluster.wire.topic import HOLE

PATIENCE: Final = 3
"""Answers without progress, after which what was asked for counts as gone."""

_Item = tuple[str, Batch] | Mark


class ShardChain:
    """One shard's. After each call ``take`` what is to be handed on."""

    def __init__(self, names: Names, max_bytes: int) -> None:
        """max_bytes: what it may hold (``held``)."""
        self.epoch = 0
        """0: not begun; what comes is held."""
        self.lagging = False
        """Far behind: what comes live is not held, all is asked for."""
        self.overflows = 0
        """How often what was held went over the bound."""
        self._max_bytes = max_bytes
        self._hand = HeldEvents(None if names is None else names | {HOLE}, -1)
        self._marks: dict[int, Mark] = {}
        self._mark_bytes = 0
        """By seq; of two with one seq that with the lower base, which says more."""
        self._top = -1
        """The highest seq of this epoch that is known to exist."""
        self._end: int | None = None
        self._end_told = False
        self._retired = False
        """No epoch follows this one: its shard count is no more in force."""
        self._following: int | None = None
        """The epoch after this one; None: not known, though some later one may be."""
        self._later: dict[int, list[_Item]] = {}
        """Epochs that are known to come, and what is held of them."""
        self._later_bytes = 0
        self._later_top: dict[int, int] = {}
        """The highest seq of each that is known to exist, also when nothing is held of it."""
        self._befores: dict[int, tuple[int, int]] = {}
        self._misses = 0
        self._out: list[Output] = []

    @property
    def at(self) -> int:
        """All that is subscribed to is delivered, or gone, up to this seq of the epoch."""
        return self._hand.at

    @property
    def behind(self) -> int:
        """How many seqs of this epoch are known to be there beyond ``at``."""
        return max(0, self._top - self.at)

    @property
    def finished(self) -> bool:
        """All of a retired shard was put out: nothing more will come."""
        return self._retired and self._end_told and self._following is None

    @property
    def held(self) -> int:
        """Bytes of memory that what is held takes, near enough."""
        return self._hand.bytes + self._mark_bytes + self._later_bytes

    @property
    def first_epoch(self) -> int | None:
        """The first epoch beyond this one of which something has come."""
        return min(self._later, default=None)

    @property
    def newest(self) -> tuple[int, int] | None:
        """The highest (epoch, seq) beyond this epoch that is known to exist."""
        return max(self._later_top.items(), default=None)

    def begin(self, epoch: int, at: int, *, lagging: bool = False) -> None:
        """Everything up to (epoch, at) was delivered, or is not wanted."""
        self.lagging = self.lagging or lagging
        self._out.append(Reached(epoch, at))
        self._enter(epoch, at)
        self._settle()

    def take(self) -> list[Output]:
        """What is to be handed on, in order."""
        out, self._out = self._out, []
        return out

    # -- what comes ----------------------------------------------------------------------------

    def batch(self, name: str, batch: Batch) -> None:
        """A batch, live or asked for; it may be late, early, old, or there for the second time."""
        if batch.epoch != self.epoch:
            self._keep_for_later(batch.epoch, batch.before, (name, batch))
        elif batch.last > self._hand.at:
            self._top = max(self._top, batch.last)
            if not self.lagging:
                if not self._marks and self._stands_alone(name, batch):
                    self._pass_on(name, batch)
                else:
                    self._take(name, batch)
                    self._advance()
        self._settle()

    def _stands_alone(self, name: str, batch: Batch) -> bool:
        """Whether a batch applies at once, with nothing else in hand or missing before its end: as
        most do at a trickle."""
        at, names = self._hand.at, self._hand.names
        if batch.base > at or self._hand.bytes or name == HOLE:
            return False
        if names is not None and name not in names:
            return False
        for other, seq in batch.since:
            if seq > at and other != name and (names is None or other in names):
                return False
        return True

    def _pass_on(self, name: str, batch: Batch) -> None:
        """What taking it and delivering up to its end come to, without holding it between."""
        delivered = made(name, batch, self._hand.at)
        if delivered.events:
            self._out.append(delivered)
        self._hand.pass_by(batch.last)
        self._out.append(Reached(self.epoch, batch.last))
        self._misses = 0

    def mark(self, mark: Mark) -> None:
        """A watermark's row, or an epoch's end."""
        if mark.epoch != self.epoch:
            self._keep_for_later(mark.epoch, mark.before, mark)
        else:
            if mark.final:
                self._end, self._retired = mark.seq, mark.retired
            if mark.seq > self.at:
                self._top = max(self._top, mark.seq)
                if not self.lagging:
                    self._add(mark)
                    self._advance()
        self._settle()

    def _take(self, name: str, batch: Batch) -> None:
        if self._hand.names is None or name in self._hand.names:
            self._hand.take(name, batch)
        self._add(Mark(batch.epoch, batch.before, batch.base, batch.last, batch.since))

    def _add(self, mark: Mark) -> None:
        other = self._marks.get(mark.seq)
        if other is None or mark.base < other.base:
            self._marks[mark.seq] = mark
            self._mark_bytes += _mark_bytes(mark) - (_mark_bytes(other) if other else 0)

    # -- what moves the position ---------------------------------------------------------------

    def _advance(self) -> None:
        while self._marks:
            at, has = self._hand.at, self._hand.has
            # The highest that applies takes the others with it.
            for seq in sorted(self._marks, reverse=True):
                mark = self._marks[seq]
                if mark.base <= at and has(mark.table):
                    self._deliver(seq, [])
                    break
            else:
                break
        if self.held > self._max_bytes:
            self.drop()

    def _deliver(self, upto: int, gaps: list[Missing]) -> None:
        """All that is held up to a seq goes out, with the gaps between; ``at`` is there."""
        out, at = self._out, self.at
        holes = self._hand.holes
        delivered = self._hand.release(upto)
        if not gaps and not holes:
            if delivered.events:
                out.append(delivered)
        else:
            out += _with_gaps(delivered.events, gaps, at, self.epoch)
        out.append(Reached(self.epoch, upto))
        self._misses = 0
        if self._marks:
            self._marks = {seq: mark for seq, mark in self._marks.items() if seq > upto}
            self._mark_bytes = sum(map(_mark_bytes, self._marks.values()))

    def _complete(self, upto: int, gone: Iterable[tuple[int, int]], reason: GapReason) -> None:
        """Up to a seq all is in hand, or gone."""
        gaps: list[Missing] = []
        for first, last in gone:
            gaps += missing(
                self.epoch, max(first, self.at + 1), min(last, upto), reason, self._hand,
                self._marks.values(),
            )  # fmt: skip
        self._deliver(upto, gaps)

    # -- what is asked for ---------------------------------------------------------------------

    def wanted(self) -> RangeAsk | None:
        """What has to be asked for; None: nothing is missing that is known to exist."""
        if self.epoch == 0:
            return None
        if self.lagging or (self._later and (self._end is None or self._following is None)):
            return RangeAsk(self.epoch, self.at, None, self._top)
        upto = self._top if self._end is None else self._end
        return RangeAsk(self.epoch, self.at, upto) if upto > self.at else None

    def answer(self, answer: RangeReply) -> None:
        """The answer to what ``wanted`` returned."""
        ask = answer.ask
        if ask.epoch != self.epoch or ask.after > self.at:
            return  # To a question of before: what has moved since was delivered.
        stood = self.at
        if answer.end is not None:
            self._end, self._retired = answer.end, self._retired or answer.final
        if answer.next is not None and answer.next > self.epoch:
            self._later.setdefault(answer.next, [])
            self._following = self._following or answer.next
        for name, batch in answer.batches:
            if batch.epoch == self.epoch and batch.last > self.at:
                self._top = max(self._top, batch.last)
                self._take(name, batch)
        if answer.reached > self.at:
            self._complete(answer.reached, answer.gone, GapReason.GONE)
        self._advance()
        if not answer.more:
            self._answered_whole(ask, answer.next, moved=self.at > stood)
        self._settle()

    def _answered_whole(self, ask: RangeAsk, following: int | None, *, moved: bool) -> None:
        """The journals have no more than this answer, and those before it, held."""
        if ask.upto is None:
            if self._end is None and following is not None:
                self._leave(GapReason.GONE)
                return
            if following is None:
                self.lagging = False
        wanted = self.wanted()
        if moved or wanted is None or ask.after < wanted.after:
            return  # The last: it tells nothing of what is wanted now.
        # What has become known since it was asked for may be had.
        known = None if wanted.upto is None else ask.known if ask.upto is None else ask.upto
        if known is not None and known <= self.at:
            return
        self._misses += 1
        if self._misses >= PATIENCE:
            self.give_up(GapReason.GONE, known)

    def give_up(self, reason: GapReason, upto: int | None = None) -> None:
        """What is wanted, or that of it up to a seq, can't be had: it becomes gaps, what is in hand
        is delivered."""
        wanted = self.wanted()
        self.lagging = False
        if wanted is None:
            return
        if upto is not None:
            wanted = wanted._replace(upto=upto)
        if wanted.upto is None and self._later and self._end is None:
            self._leave(reason)
        else:
            upto = self._top if self._end is None else self._end
            self._to(upto if wanted.upto is None else wanted.upto, reason)
            if wanted.upto is None and self._later and self.at >= upto:
                self._following = self._following or min(self._later)
        self._misses = 0
        self._advance()
        self._settle()

    def _to(self, upto: int, reason: GapReason) -> None:
        if upto > self.at:
            self._complete(upto, [(self.at + 1, upto)], reason)

    # -- epochs --------------------------------------------------------------------------------

    def _keep_for_later(self, epoch: int, before: tuple[int, int] | None, item: _Item) -> None:
        if epoch < self.epoch:
            return  # Of an epoch that was delivered or is gone.
        items = self._later.setdefault(epoch, [])
        top = item.seq if isinstance(item, Mark) else item[1].last
        self._later_top[epoch] = max(top, self._later_top.get(epoch, -1))
        if before is not None:
            self._befores[epoch] = before
            self._link()
        if not self.lagging:
            items.append(item)
            self._later_bytes += _size(item)
            if self.held > self._max_bytes:
                self.drop()

    def _link(self) -> None:
        """Whoever comes after this epoch says where it ended."""
        for later, (epoch, seq) in self._befores.items():
            if epoch == self.epoch:
                self._end, self._following = seq, later

    def _settle(self) -> None:
        """Tell of an epoch's end and go on to the next, as far as what is known allows."""
        while self.epoch and self._end is not None and self.at >= self._end:
            if not self._end_told:
                self._end_told = True
                if not self._retired:
                    self._out.append(
                        Missing(self.epoch, None, self._end + 1, None, GapReason.SESSION_LOST)
                    )
            if self._following is None:
                return
            self._next(self._following)

    def _leave(self, reason: GapReason) -> None:
        """The epoch is over, and nobody knows where it ended."""
        self._to(self._top, reason)
        self._out.append(Missing(self.epoch, None, self.at + 1, None, reason))
        self._next(self._following or min(self._later))

    def _next(self, epoch: int) -> None:
        self._out.append(Reached(epoch, -1))
        self._enter(epoch, -1)

    def _enter(self, epoch: int, at: int) -> None:
        """Stand at a place; what is held of that epoch, and what comes later, counts from now."""
        self.epoch, self._hand = epoch, HeldEvents(self._hand.names, at)
        self._marks, self._mark_bytes = {}, 0
        self._top = max(at, self._later_top.pop(epoch, -1))
        self._end, self._end_told, self._following, self._misses = None, False, None, 0
        self._retired = False
        items = self._later.pop(epoch, [])
        self._later = {later: rest for later, rest in self._later.items() if later > epoch}
        self._befores = {later: b for later, b in self._befores.items() if later > epoch}
        self._later_top = {later: top for later, top in self._later_top.items() if later > epoch}
        self._later_bytes = sum(_size(item) for rest in self._later.values() for item in rest)
        self._link()
        for item in items:
            if isinstance(item, Mark):
                self.mark(item)
            else:
                self.batch(*item)

    def drop(self) -> None:
        """Over the bound: let go of what is held, and ask for it when its turn comes."""
        self.overflows += 1
        self._hand = HeldEvents(self._hand.names, self.at)
        self._marks, self._mark_bytes = {}, 0
        self._later = {epoch: [] for epoch in self._later}
        self._later_bytes = 0
        self.lagging = True


def _with_gaps(events: list[Event], gaps: list[Missing], at: int, epoch: int) -> list[Output]:
    """Events in order with gaps, and with holes, which become gaps; ``at`` is what was delivered
    before."""
    out: list[Output] = []
    run: list[Event] = []

    def end_run() -> None:
        if run:
            out.append(measured(run.copy()))
            run.clear()

    waiting = iter(gaps)
    gap = next(waiting, None)
    for event in events:
        while gap is not None and gap.first <= event.seq:
            end_run()
            out.append(gap)
            gap = next(waiting, None)
        if event.name == HOLE:
            end_run()
            first = max(hole_first(event.data, event.seq), at + 1)
            out.append(Missing(epoch, None, first, event.seq, GapReason.SKIPPED))
        else:
            run.append(event)
    end_run()
    if gap is not None:
        out += [gap, *waiting]
    return out


def _mark_bytes(mark: Mark) -> int:
    return NAME_BYTES * (1 + len(mark.table))


def _size(item: _Item) -> int:
    if isinstance(item, Mark):
        return _mark_bytes(item)
    return memory(item[1]) + NAME_BYTES * (1 + len(item[1].since))
