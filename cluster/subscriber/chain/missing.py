"""Makes `Missing` of a range that can't be had: exactly what is not held of it. The `Gap` that a
subscriber yields is made of it in delivery_queue.py (start_positions.py: of saved positions).

Marks say what was there: within (base, seq] of a mark only the names of its table have events, and
none above the seq that the table names. Where no mark reaches, every name may be missing.
"""

from __future__ import annotations

from collections.abc import Collection

from cluster.subscriber.chain.held_events import HeldEvents, Span, between, measured
from cluster.subscriber.chain.types import Mark, Missing, Output
from cluster.wire.batch import Event, hole_first
from cluster.wire.states import GapReason
from cluster.wire.topic import HOLE


def missing(
    epoch: int, first: int, last: int, reason: GapReason, held: HeldEvents, marks: Collection[Mark]
) -> list[Missing]:
    """Return the gaps of first..last, in order of their first seq."""
    gaps: list[Missing] = []
    while first <= last:
        known = [m for m in marks if m.base < first <= m.seq]
        if known:
            mark = max(known, key=lambda m: m.seq)
            upto = min(mark.seq, last)
            spans = _spans_by_mark(mark, first, upto, held)
        else:
            upto = min([last, *(m.base for m in marks if m.base >= first)])
            spans = _spans_without_mark(first, upto, held)
        gaps += [Missing(epoch, names, a, b, reason) for names, (a, b) in spans]
        first = upto + 1
    return sorted(gaps, key=lambda gap: gap.first)


_Spans = list[tuple[tuple[str, ...] | None, Span]]


def _spans_by_mark(mark: Mark, first: int, upto: int, held: HeldEvents) -> _Spans:
    missing_spans: dict[str, list[Span]] = {}
    spans: _Spans = []
    for name, seq in mark.table:
        if name == HOLE:
            # Which names were skipped is unknown, so every undelivered seq is a gap.
            for a, b in held.not_covered(HOLE, first, min(seq, upto)):
                spans += [(None, span) for span in held.no_event(a, b)]
        elif held.names is None or name in held.names:
            missing_spans[name] = held.not_covered(name, first, min(seq, upto))
    return spans + _grouped(missing_spans, held)


def _spans_without_mark(first: int, upto: int, held: HeldEvents) -> _Spans:
    if held.names is None:
        # Each seq is one event: what is not held is missing, whatever its name.
        return [(None, span) for span in held.no_event(first, upto)]
    names = sorted(held.names - {HOLE})
    return _grouped({name: held.not_covered(name, first, upto) for name in names}, held)


def _grouped(missing_spans: dict[str, list[Span]], held: HeldEvents) -> _Spans:
    """Return one entry a range, with all names that miss it; None: all that are subscribed to."""
    span_names: dict[Span, list[str]] = {}
    for name, spans in missing_spans.items():
        for span in spans:
            span_names.setdefault(span, []).append(name)
    every = None if held.names is None else held.names - {HOLE}
    return [
        (None if every is not None and every <= set(names) else tuple(sorted(names)), span)
        for span, names in span_names.items()
    ]


def with_gaps(events: list[Event], gaps: list[Missing], before: int, epoch: int) -> list[Output]:
    """Return events in order with the gaps between, and gaps in place of holes. before: the seq up
    to which all was delivered before."""
    out: list[Output] = []
    run: list[Event] = []
    spans = [(event.seq - 1, event.seq) for event in events if event.name != HOLE]

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
            first = max(hole_first(event.data, event.seq), before + 1)
            # Discord may have skipped for one owner what another one has received.
            out += [
                Missing(epoch, None, *span, GapReason.SKIPPED)
                for span in between(first, event.seq, spans)
            ]
        else:
            run.append(event)
    end_run()
    if gap is not None:
        out += [gap, *waiting]
    return out
