"""Which gaps a range leaves that can't be had: exactly what is not in hand of it.

Marks say what was there: within (base, seq] of a mark only the names of its table have events, and
none above the seq that the table names. Where no mark reaches, every name may be missing.
"""

from __future__ import annotations

from collections.abc import Collection

from cluster.subscriber.chain.held_events import HeldEvents, Span
from cluster.subscriber.chain.types import Mark, Missing
from cluster.wire.states import GapReason
from cluster.wire.topic import HOLE


def missing(
    epoch: int, first: int, last: int, reason: GapReason, hand: HeldEvents, marks: Collection[Mark]
) -> list[Missing]:
    """The gaps of first..last, in order of their first seq."""
    gaps: list[Missing] = []
    while first <= last:
        known = [m for m in marks if m.base < first <= m.seq]
        if known:
            mark = max(known, key=lambda m: m.seq)
            upto = min(mark.seq, last)
            spans = _of_table(mark, first, upto, hand)
        else:
            upto = min([last, *(m.base for m in marks if m.base >= first)])
            spans = _of_all(first, upto, hand)
        gaps += [Missing(epoch, names, a, b, reason) for names, (a, b) in spans]
        first = upto + 1
    return sorted(gaps, key=lambda gap: (gap.first, gap.last or 0))


_Spans = list[tuple[tuple[str, ...] | None, Span]]


def _of_table(mark: Mark, first: int, upto: int, hand: HeldEvents) -> _Spans:
    by_name: dict[str, list[Span]] = {}
    spans: _Spans = []
    for name, seq in mark.table:
        if name == HOLE:
            # Whose events were skipped there is not known: all that was not delivered.
            for a, b in hand.not_covered(HOLE, first, min(seq, upto)):
                spans += [(None, span) for span in hand.no_event(a, b)]
        elif hand.names is None or name in hand.names:
            by_name[name] = hand.not_covered(name, first, min(seq, upto))
    return spans + _grouped(by_name, hand)


def _of_all(first: int, upto: int, hand: HeldEvents) -> _Spans:
    if hand.names is None:
        # Each seq is one event: what is not in hand is missing, whatever its name.
        return [(None, span) for span in hand.no_event(first, upto)]
    names = hand.names - {HOLE}
    return _grouped({name: hand.not_covered(name, first, upto) for name in names}, hand)


def _grouped(by_name: dict[str, list[Span]], hand: HeldEvents) -> _Spans:
    """Names that miss the same range, together."""
    by_span: dict[Span, list[str]] = {}
    for name, rest in by_name.items():
        for span in rest:
            by_span.setdefault(span, []).append(name)
    every = None if hand.names is None else hand.names - {HOLE}
    return [
        (None if every is not None and every <= set(names) else tuple(sorted(names)), span)
        for span, names in by_span.items()
    ]
