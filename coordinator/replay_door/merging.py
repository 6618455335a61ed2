"""One answer of those of several hosts: what one replay server would say that had all their
journals. Pure.

A shard's history may lie on several hosts in pieces: it moved, or a host was lost and the session
went on elsewhere from a checkpoint, so that two hosts hold the same positions in other drains. Each
host answers for its own journals alone: what it calls gone is what it does not hold, and another
one may.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

from cluster.wire import replay, topic
from cluster.wire.batch import decode_epoch_end, decode_span

SLICE_BYTES: Final = 1024 * 1024
"""Size past which a merged answer is cut, after a whole segment's message."""


class UnusableAnswerError(Exception):
    """A host's answer contradicts itself, or its question."""


class Segment(NamedTuple):
    """Seqs of which everything is held, with the messages."""

    first: int
    last: int
    messages: list[tuple[int, bytes]]
    """Each with the last seq of its drain, in order of that."""


class Part(NamedTuple):
    """What one host, or several together, know of (after, ...] of an epoch."""

    held: list[Segment]
    """In order, without overlap; what lies between, up to ``reached``, they do not hold."""
    reached: int
    more: bool
    """They may hold what follows, and have not said so yet. False: they don't."""
    end: int | None
    next: int | None
    final: bool


def nothing(after: int) -> Part:
    """Return what hosts know that know nothing of the epoch."""
    return Part([], after, False, None, None, False)


def part_of(answer: replay.RangeAnswer, question: replay.RangeRequest) -> Part:
    """Return what a host's answer says. UnusableAnswerError."""
    after, reached = question.after, answer.reached
    if reached < after or (answer.more and reached == after):
        raise UnusableAnswerError(f"it goes from {after} to {reached}")
    held: list[Segment] = []
    start = after + 1
    for first, last in [*answer.gone, (reached + 1, reached + 1)]:
        if not start <= first <= last or (last > reached and first <= reached):
            raise UnusableAnswerError(f"{first} to {last} is gone, of {start} to {reached}")
        if first > start:
            held.append(Segment(start, first - 1, []))
        start = last + 1
    for name in ("end", "next"):
        if (value := getattr(answer, name)) is not None and value < -1:
            raise UnusableAnswerError(f"its {name} is {value}")
    if answer.next is not None and answer.next <= question.epoch:
        raise UnusableAnswerError(f"epoch {answer.next} follows {question.epoch}")
    _sort_in(held, answer.messages, question)
    return Part(held, reached, answer.more, answer.end, answer.next, answer.final)


def _sort_in(held: list[Segment], messages: list[bytes], question: replay.RangeRequest) -> None:
    """Put each message in the segment that its drain ends in."""
    segments = iter(held)
    segment = next(segments, None)
    for message in messages:
        last = _last_seq(message, question)
        while segment is not None and segment.last < last:
            segment = next(segments, None)
        if segment is None or last < segment.first:
            raise UnusableAnswerError(f"a message up to {last} lies in nothing that it holds")
        segment.messages.append((last, message))


def _last_seq(message: bytes, question: replay.RangeRequest) -> int:
    """Return the last seq of a message's drain. UnusableAnswerError: it is none of the shard's."""
    try:
        name, _, payload = topic.split(message)
        if name == topic.EPOCH_END:
            end = decode_epoch_end(payload)
            place, last = (end.shard_count, end.shard_id, end.epoch), end.seq
        else:
            span = decode_span(payload)
            place, last = (span.shard_count, span.shard_id, span.epoch), span.last
    except topic.WireError as error:
        raise UnusableAnswerError(f"a message of it can't be read: {error}") from error
    if place != (question.shard_count, question.shard_id, question.epoch):
        raise UnusableAnswerError("a message of it is of another shard or epoch")
    return last


def merged(one: Part, other: Part, after: int, max_bytes: int = SLICE_BYTES) -> Part:
    """Return what two know together: of each stretch the longest that either holds."""
    parts = (one, other)
    unknown_after = min((part.reached for part in parts if part.more), default=math.inf)
    ahead = [segment for part in parts for segment in part.held]
    held: list[Segment] = []
    reached, size, more = after, 0, True
    while True:
        ahead = [segment for segment in ahead if segment.last > reached]
        start = min((segment.first for segment in ahead), default=math.inf)
        if start > max(reached, unknown_after) + 1:
            reached = max(reached, int(unknown_after))  # what follows, one may hold
            break
        if start == math.inf:
            reached, more = max(reached, *(part.reached for part in parts)), False
            break
        start = max(int(start), reached + 1)
        longest = max((s for s in ahead if s.first <= start), key=lambda s: s.last)
        messages = [row for row in longest.messages if row[0] > reached]
        held.append(Segment(start, longest.last, messages))
        reached = longest.last
        size += sum(len(message) for _, message in messages)
        if size > max_bytes:
            break
    following = min((part.next for part in parts if part.next is not None), default=None)
    return Part(
        held,
        reached,
        more,
        max((part.end for part in parts if part.end is not None), default=None),
        following,
        following is None and any(part.final for part in parts),
    )


def answer_alone(
    part: Part, question: replay.RangeRequest, *, is_alone: bool
) -> replay.RangeAnswer | None:
    """Return the answer that one host's part is, whatever other hosts know; None: it is none.

    What it holds without a break is an answer, and the next question goes on from there. What an
    epoch's end is, and what follows it, is said by all hosts together. is_alone: no other host is
    known to know the epoch.
    """
    nothing_follows = is_alone and not part.more and part.end is None and part.next is None
    if part.held and part.held[0].first == question.after + 1:
        lead = part.held[0]
        if question.upto is None:
            more = not (nothing_follows and lead.last == part.reached)
        else:
            more = lead.last < question.upto
        return _answer(question, [lead], lead.last, more=more)
    if question.upto is None and nothing_follows and part.reached == question.after:
        return _answer(question, [], question.after)
    return None


def answer_together(
    part: Part, question: replay.RangeRequest, *, is_whole: bool
) -> replay.RangeAnswer:
    """Return the answer that the merged parts of hosts are. is_whole: no other host can hold any of
    it; else what none of these holds is not gone, but not to be had yet."""
    following = part.next
    if is_whole:
        return _answer(
            question, part.held, part.reached, more=part.more, end=part.end, next=following,
            final=part.final,
        )  # fmt: skip
    lead: list[Segment] = []
    reached = question.after
    for segment in part.held:
        if segment.first != reached + 1:
            break
        lead.append(segment)
        reached = segment.last
    if following is not None and following > question.epoch + 1:
        following = None  # Who is away may know one between.
    return _answer(
        question, lead, reached,
        more=part.more and reached > question.after and reached == part.reached,
        end=part.end, next=following, final=part.final, away=True,
    )  # fmt: skip


def denies(answer: replay.RangeAnswer, upto: int | None) -> bool:
    """Whether an answer says that something is not there, or not any more, which is to be known
    for sure. upto: what was asked for. That there is nothing beyond what is known needs no proof:
    it is asked for as soon as it is heard of."""
    is_short = upto is not None and answer.reached < upto and not answer.more
    return bool(answer.gone) or answer.next is not None or answer.final or is_short


def _answer(
    question: replay.RangeRequest, held: list[Segment], reached: int, *, more: bool = False,
    end: int | None = None, next: int | None = None, final: bool = False, away: bool = False,
) -> replay.RangeAnswer:  # fmt: skip
    gone: list[tuple[int, int]] = []
    covered = question.after
    for segment in [*held, Segment(reached + 1, reached, [])]:
        if segment.first > covered + 1:
            gone.append((covered + 1, segment.first - 1))
        covered = segment.last
    messages = [message for segment in held for _, message in segment.messages]
    return replay.RangeAnswer(
        id=question.id, messages=messages, reached=reached, gone=gone, more=more, end=end,
        next=next, final=final, away=away and not more,
    )  # fmt: skip
