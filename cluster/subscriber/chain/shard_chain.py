"""ShardChain: the rule of this package (see __init__.py) for one shard."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, TypeVar

from cluster.subscriber.chain.held_events import HeldEvents, batch_bytes, events_above
from cluster.subscriber.chain.missing import missing, with_gaps
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
from cluster.wire.batch import Batch
from cluster.wire.states import GapReason
from cluster.wire.topic import HOLE

PATIENCE: Final = 3
"""Answers without progress, after which what was asked for counts as gone."""

_Item = tuple[str, Batch] | Mark
_Row = TypeVar("_Row")


class ShardChain:
    """Delivers one shard's events. After each call ``take`` what is to be handed on."""

    def __init__(self, names: Names, max_bytes: int) -> None:
        """max_bytes: what it may hold (``held_bytes``)."""
        self.epoch = 0
        """The epoch that is read; 0: not begun, and what comes is held."""
        self.lagging = False
        """Far behind: live batches are dropped, everything is requested from the replay server."""
        self.overflows = 0
        """How often what was held went over the bound."""
        self.fenced = 0
        """How many batches and marks were left out because their epoch was followed by another, or
        had ended before them: an owner that has been replaced may go on sending."""
        self._max_bytes = max_bytes
        self._held = HeldEvents(None if names is None else names | {HOLE}, -1)
        # What has no value here has one from ``begin`` on, and is not asked for before.
        self._marks: dict[int, Mark]
        """Marks of this epoch by seq; of two with one seq that with the lower base, which says
        more. Nobody asks them for their epoch, or what was before it."""
        self._mark_bytes = 0
        self._top = self.seq
        """The highest seq of this epoch that is known to exist."""
        self._end: int | None
        """The last seq of this epoch; None: it goes on, or nobody has told."""
        self._end_said: int | None
        """The end of this epoch after which a gap was put out; None: none was."""
        self._retired = False
        """No epoch follows this one: its shard count is no more in force."""
        self._following: int | None
        """The epoch after this one; None: not known, though some later one may be."""
        self._later: dict[int, list[_Item]] = {}
        """Epochs that are known to come, and what is held of them."""
        self._later_bytes = 0
        self._later_top: dict[int, int] = {}
        """The highest seq of each later epoch that is known to exist, held or not."""
        self._befores: dict[int, tuple[int, int]] = {}
        """Per later epoch the (epoch, last seq) of the one before it."""
        self._misses: int
        """Answers in a row that brought nothing of what is wanted."""
        self._outputs: list[Output] = []
        self._in_step = False
        """Nothing is held or known to be missing, and no end of this epoch is known: a batch that
        follows is delivered at once. False is never wrong."""

    @property
    def seq(self) -> int:
        """All that is subscribed to is delivered, or gone, up to this seq of the epoch."""
        return self._held.floor

    @property
    def behind(self) -> int:
        """How many seqs of this epoch are known to exist beyond ``seq``."""
        return max(0, self._top - self.seq)

    @property
    def finished(self) -> bool:
        """All of a retired shard was put out: nothing more will come."""
        return self._retired and self._end_said is not None and self._following is None

    @property
    def held_bytes(self) -> int:
        """Memory that all that is held takes, near enough."""
        return self._held.bytes + self._mark_bytes + self._later_bytes

    @property
    def first_epoch(self) -> int | None:
        """The first epoch beyond this one of which something has come."""
        return min(self._later, default=None)

    @property
    def newest(self) -> tuple[int, int] | None:
        """The highest (epoch, seq) beyond this epoch that is known to exist."""
        return max(self._later_top.items(), default=None)

    @property
    def furthest(self) -> tuple[int, int]:
        """The highest (epoch, seq) that is known to exist."""
        return self.newest or (self.epoch, self._top)

    def begin(self, epoch: int, seq: int, *, lagging: bool = False) -> None:
        """Begin there: everything up to (epoch, seq) was delivered, or is not wanted."""
        self.lagging = self.lagging or lagging
        self._outputs.append(Reached(epoch, seq))
        self._enter(epoch, seq)
        self._settle()

    def take(self) -> list[Output]:
        """Return what is to be handed on, in order."""
        out, self._outputs = self._outputs, []
        return out

    # -- what comes ----------------------------------------------------------------------------

    def batch(self, name: str, batch: Batch) -> bool:
        """Take in a batch, live or asked for; it may be late, early, old, or come a second time.
        What belongs to an epoch that was delivered or is gone is left out, here and in ``mark``.
        Return whether it was delivered at once, as most are at a trickle: then nothing else has
        changed, nothing is held, and nothing wanted."""
        if self._in_step and self._stands_alone(name, batch):
            self._pass_on(name, batch)
            return True
        if batch.epoch > self.epoch:
            self._keep_for_later(batch.epoch, batch.before, (name, batch))
        elif batch.epoch < self.epoch:
            self.fenced += 1
        elif batch.last > self._held.floor and self._lets_in(batch.first, batch.last):
            self._top = max(self._top, batch.last)
            if not self.lagging:
                self._take(name, batch)
                self._advance()
        self._settle()
        return False

    def _stands_alone(self, name: str, batch: Batch) -> bool:
        """Return whether a batch applies with nothing else missing before its end. False is never
        wrong: ``_take`` comes to the same, at a price."""
        floor, names = self._held.floor, self._held.names
        if batch.epoch != self.epoch or batch.last <= floor or batch.base > floor or name == HOLE:
            return False
        if names is not None and name not in names:
            return False
        for other, seq in batch.since:
            if seq > floor and other != name and (names is None or other in names):
                return False
        return True

    def _pass_on(self, name: str, batch: Batch) -> None:
        """Deliver a batch that stands alone: as ``_take`` and ``_deliver`` would, without holding
        it between."""
        delivered = events_above(name, batch, self._held.floor)
        if delivered.events:
            self._outputs.append(delivered)
        self._top = batch.last
        self._held.pass_by(batch.last)
        self._outputs.append(Reached(self.epoch, batch.last))
        self._misses = 0

    def mark(self, mark: Mark) -> None:
        """Take in a watermark's row, or an epoch's end."""
        if mark.epoch > self.epoch:
            self._keep_for_later(mark.epoch, mark.before, mark)
        elif mark.epoch < self.epoch:
            self.fenced += 1
        else:
            if mark.final:
                self._hear_end(mark)
            if mark.seq > self.seq and self._lets_in(mark.seq, mark.seq):
                self._top = max(self._top, mark.seq)
                if not self.lagging:
                    self._add(mark)
                    self._advance()
        self._settle()

    # -- two owners of one shard ---------------------------------------------------------------
    #
    # A worker that was taken for lost may go on sending while another has resumed its session: both
    # speak of one epoch. What both send is cut by its seqs. What only one of them sends counts: an
    # end below what is known to exist is the end of an owner, and not of the epoch. Where an epoch
    # ended the one after it says for certain (`_link`); what lies beyond is nobody's any more.

    def _lets_in(self, first: int, last: int) -> bool:
        """Whether seqs of this epoch are taken, which goes on beyond an end that was told if they
        lie there. False: they lie beyond an end that is certain."""
        if self._end is None or last <= self._end:
            return True
        if self._following is None and not self._retired:
            self._end = None
            return True
        if first > self._end:
            self.fenced += 1
            return False
        return True

    def _hear_end(self, mark: Mark) -> None:
        """Take in an end of this epoch that an owner has told."""
        if self._following is not None and self._end is not None:
            self.fenced += mark.seq < self._end  # one beyond it is not let in
        elif mark.retired:
            self._end, self._retired = max(mark.seq, self._top), True
        elif mark.seq < self._top:
            self.fenced += 1
        elif not self._retired:
            self._end = mark.seq

    def _take(self, name: str, batch: Batch) -> None:
        if self._held.names is None or name in self._held.names:
            self._held.take(name, batch)
        self._add(Mark(batch.epoch, batch.before, batch.base, batch.last, batch.since))

    def _add(self, mark: Mark) -> None:
        other = self._marks.get(mark.seq)
        if other is None or mark.base < other.base:
            self._marks[mark.seq] = mark
            self._mark_bytes += _mark_bytes(mark) - (_mark_bytes(other) if other else 0)

    # -- what moves the position ---------------------------------------------------------------

    def _advance(self) -> None:
        while self._marks:
            floor, has = self._held.floor, self._held.has
            # The highest that applies takes the others with it.
            for seq in sorted(self._marks, reverse=True):
                mark = self._marks[seq]
                if mark.base <= floor and has(mark.table):
                    self._deliver(seq, [])
                    break
            else:
                break
        if self.held_bytes > self._max_bytes:
            self.drop()

    def _deliver(self, upto: int, gaps: list[Missing]) -> None:
        """Put out all that is held up to a seq, with the gaps between; the chain is there."""
        out, before = self._outputs, self.seq
        holes = self._held.holes
        delivered = self._held.release(upto)
        if not gaps and not holes:
            if delivered.events:
                out.append(delivered)
        else:
            out += with_gaps(delivered.events, gaps, before, self.epoch)
        out.append(Reached(self.epoch, upto))
        self._misses = 0
        if self._marks:
            self._marks = {seq: mark for seq, mark in self._marks.items() if seq > upto}
            self._mark_bytes = sum(map(_mark_bytes, self._marks.values()))

    def _complete(self, upto: int, gone: Iterable[tuple[int, int]], reason: GapReason) -> None:
        """Deliver up to a seq: all is held, or lies in the ranges that are gone."""
        gaps: list[Missing] = []
        for first, last in gone:
            gaps += missing(
                self.epoch, max(first, self.seq + 1), min(last, upto), reason, self._held,
                self._marks.values(),
            )  # fmt: skip
        self._deliver(upto, gaps)

    # -- what is asked for ---------------------------------------------------------------------

    def wanted(self) -> RangeAsk | None:
        """Return what has to be asked for; None: nothing is missing that is known to exist."""
        if self.epoch == 0:
            return None
        if self.lagging or (self._later and (self._end is None or self._following is None)):
            return RangeAsk(self.epoch, self.seq, None, self._top)
        upto = self._top if self._end is None else self._end
        return RangeAsk(self.epoch, self.seq, upto) if upto > self.seq else None

    def answer(self, answer: RangeReply) -> None:
        """Take in the answer to what ``wanted`` returned."""
        ask = answer.ask
        if ask.epoch != self.epoch or ask.after > self.seq:
            return  # Answers an older question: what has moved since was delivered.
        following = answer.next if answer.next is not None and answer.next > self.epoch else None
        if following is not None:
            self._later.setdefault(following, [])
            self._following = self._following or following
        if answer.end is not None and (
            answer.end >= self._top or answer.final or self._following is not None
        ):
            self._end, self._retired = answer.end, self._retired or answer.final
            self._link()
        for name, batch in answer.batches:
            if batch.epoch == self.epoch and batch.last > self.seq:
                self._top = max(self._top, batch.last)
                self._take(name, batch)
        if answer.reached > self.seq:
            self._complete(answer.reached, answer.gone, GapReason.GONE)
        self._advance()
        if not answer.more:
            self._answered_whole(ask, following, answer.away)
        self._settle()

    def _answered_whole(self, ask: RangeAsk, following: int | None, away: bool) -> None:
        """An answer was not cut short: the journals hold no more than it and those before it, or
        those that may are away."""
        if ask.upto is None:
            if self._end is None and following is not None:
                if away:
                    return  # Who knows where it ended may come back.
                self._leave(GapReason.GONE)
                return
            if following is None:
                self.lagging = False
        wanted = self.wanted()
        if wanted is None or ask.after < wanted.after:
            return  # It brought something, or says nothing about what is wanted now.
        if wanted.upto is None and ask.upto is not None:
            return  # Of what lies beyond what was asked for it says nothing.
        # What has become known since it was asked for may be had.
        known = None if wanted.upto is None else ask.known if ask.upto is None else ask.upto
        if known is not None and known <= self.seq:
            return
        if away:
            return
        self._misses += 1
        if self._misses >= PATIENCE:
            self.give_up(GapReason.GONE, known)

    def give_up(self, reason: GapReason, upto: int | None = None) -> None:
        """What is wanted, or that of it up to a seq, can't be had: deliver what is held, and gaps
        in place of the rest."""
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
            self._give_up_to(upto if wanted.upto is None else wanted.upto, reason)
            if wanted.upto is None and self._later and self.seq >= upto:
                self._following = self._following or min(self._later)
        self._misses = 0
        self._advance()
        self._settle()

    def _give_up_to(self, upto: int, reason: GapReason) -> None:
        if upto > self.seq:
            self._complete(upto, [(0, upto)], reason)

    # -- epochs --------------------------------------------------------------------------------

    def _keep_for_later(self, epoch: int, before: tuple[int, int] | None, item: _Item) -> None:
        items = self._later.setdefault(epoch, [])
        top = item.seq if isinstance(item, Mark) else item[1].last
        self._later_top[epoch] = max(top, self._later_top.get(epoch, top))
        if before is not None:
            self._befores[epoch] = before
            self._link()
        if not self.lagging:
            items.append(item)
            self._later_bytes += _item_bytes(item)
            if self.held_bytes > self._max_bytes:
                self.drop()

    def _link(self) -> None:
        """Learn where this epoch ended from what is known of a later one."""
        for later, (epoch, seq) in sorted(self._befores.items()):
            if epoch == self.epoch:  # of several that say so the newest owner's counts
                self._end, self._following = seq, later

    def _settle(self) -> None:
        """Put out an epoch's end and go on to the next, as far as what is known allows."""
        while self.epoch and self._end is not None and self.seq >= self._end:
            if self._end_said is None or self._end > self._end_said:
                self._end_said = self._end
                if not self._retired:
                    first = self.seq + 1
                    self._outputs.append(
                        Missing(self.epoch, None, first, None, GapReason.SESSION_LOST)
                    )
            if self._following is None:
                break
            self._next(self._following)
        self._in_step = (
            self.epoch > 0
            and self._end is None
            and self._top == self._held.floor  # so nothing is held, and no mark
            and not (self.lagging or self._later)
        )

    def _leave(self, reason: GapReason) -> None:
        """Leave an epoch that is over, of which nobody knows where it ended."""
        self._give_up_to(self._top, reason)
        self._outputs.append(Missing(self.epoch, None, self.seq + 1, None, reason))
        self._next(self._following or min(self._later))

    def _next(self, epoch: int) -> None:
        self._outputs.append(Reached(epoch, -1))
        self._enter(epoch, -1)

    def _enter(self, epoch: int, seq: int) -> None:
        """Stand at a place; what is held of that epoch, and what comes later, counts from now."""
        self.epoch, self._held = epoch, HeldEvents(self._held.names, seq)
        self._marks, self._mark_bytes = {}, 0
        self._top = max(seq, self._later_top.pop(epoch, seq))
        self._end, self._end_said, self._following, self._misses = None, None, None, 0
        self._retired = self._in_step = False
        items = self._later.pop(epoch, [])
        self._later = _beyond(epoch, self._later)
        self._befores = _beyond(epoch, self._befores)
        self._later_top = _beyond(epoch, self._later_top)
        self._later_bytes = sum(_item_bytes(item) for rest in self._later.values() for item in rest)
        self._link()
        for item in items:
            if isinstance(item, Mark):
                self.mark(item)
            else:
                self.batch(*item)

    def fall_behind(self) -> None:
        """Have everything asked for from here on: nothing more comes by itself."""
        self.lagging, self._in_step = True, False

    def drop(self) -> None:
        """Let go of all that is held, to ask for it when its turn comes."""
        self.overflows += 1
        self._held = HeldEvents(self._held.names, self.seq)
        self._marks, self._mark_bytes = {}, 0
        self._later = {epoch: [] for epoch in self._later}
        self._later_bytes = 0
        self.fall_behind()


def _beyond(epoch: int, rows: dict[int, _Row]) -> dict[int, _Row]:
    """Return the rows of the epochs after this one, of which there is none by now."""
    return {later: row for later, row in rows.items() if later > epoch}


def _mark_bytes(mark: Mark) -> int:
    return NAME_BYTES * (1 + len(mark.table))


def _item_bytes(item: _Item) -> int:
    if isinstance(item, Mark):
        return _mark_bytes(item)
    return batch_bytes(item[1]) + NAME_BYTES * (1 + len(item[1].since))
