"""The last hundred happenings, and the line in the log on each: one source for both (pure but for
the line).

Grants and the supervisor of the workers tell of what they do, so a fault of ours in a sentence must
not end them: it is logged, and that happening is left out.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, NamedTuple

from cluster.decode_errors import worth_saying
from cluster.wire.happenings import Happening, HappeningKind, Happenings, Severity
from coordinator.happenings.sentences import LONGEST_CAUSE, SENTENCES, many, one
from coordinator.happenings.summing import Held, Summing

log = logging.getLogger(__name__)

KEPT: Final = 100
NEVER_HELD: Final = frozenset(
    {
        HappeningKind.OPERATION_BEGAN,
        HappeningKind.OPERATION_DONE,
        HappeningKind.OPERATION_FAILED,
    }
)
"""Kinds that are told at once, however many come: who drains one host after the other reads what
became of each."""
LEVELS: Final = {
    Severity.INFO: logging.INFO,
    Severity.WARNING: logging.WARNING,
    Severity.ERROR: logging.ERROR,
}


class _Fact(NamedTuple):
    """What a part of the coordinator told."""

    at: float
    """Unix seconds."""
    kind: HappeningKind
    worker: int | None
    shard: int | None
    epoch: int | None
    cause: str
    what: str


class HappeningRecord:
    """Takes what happens from all parts of the coordinator, keeps the newest and logs each."""

    def __init__(self, clock: Callable[[], float], wall: Callable[[], float]) -> None:
        """clock: monotonic seconds. wall: Unix seconds."""
        self._clock = clock
        self._wall = wall
        self._kept: deque[Happening] = deque(maxlen=KEPT)
        self._summing: Summing[_Fact] = Summing()
        # A coordinator tells far fewer than a thousand a second, so the next one goes on above
        self._next = int(wall() * 1000)
        self.untold = 0
        """How often a fault of ours kept something from being told."""

    def tell(
        self,
        kind: HappeningKind,
        what: str = "",
        *,
        worker: int | None = None,
        shard: int | None = None,
        epoch: int | None = None,
        cause: str = "",
    ) -> None:
        """Take note of something. what: the words that the kind's sentence leaves open. cause: why,
        in words; those of one kind and cause may be summed up."""
        with self._no_fault_gets_out(kind, worker, shard):
            fact = _Fact(self._wall(), kind, worker, shard, epoch, cause[:LONGEST_CAUSE], what)
            if kind in NEVER_HELD or self._summing.take(kind, fact.cause, fact, self._clock()):
                self._keep_one(fact)

    def tick(self) -> None:
        """Tell what was held and is due: once a second."""
        self._keep(everything=False)

    def flush(self) -> None:
        """Tell all that is held: something comes that is to be read after it."""
        self._keep(everything=True)

    def since(self, number: int) -> Happenings:
        """Return what is kept and came after the one of this number; all of it for a number that
        was never given, since that is of a clock that has been set back."""
        last = self._kept[-1].number if self._kept else 0
        after = number if number <= last else 0
        return Happenings(last=last, happenings=[one for one in self._kept if one.number > after])

    @contextmanager
    def _no_fault_gets_out(
        self, kind: str, worker: int | None = None, shard: int | None = None
    ) -> Iterator[None]:
        """Log what fails in the block, with what was to be told."""
        try:
            yield
        except Exception as error:  # counted, and logged
            self.untold += 1
            if worth_saying(self.untold):
                log.error(
                    "what happened can't be told (%s, worker %s, shard %s; %d times so far)",
                    kind, worker, shard, self.untold, exc_info=error,
                )  # fmt: skip

    def _keep(self, *, everything: bool) -> None:
        due: list[Held[_Fact]] = []
        with self._no_fault_gets_out("all that is held"):
            due = self._summing.due(self._clock(), everything=everything)
        for held in due:
            last = held.items[-1]
            with self._no_fault_gets_out(last.kind, last.worker, last.shard):
                if held.total == 1:
                    self._keep_one(last)
                else:
                    self._keep_many(held)

    def _keep_one(self, fact: _Fact) -> None:
        text = one(
            fact.kind,
            fact.cause,
            worker=fact.worker,
            shard=fact.shard,
            epoch=fact.epoch,
            what=fact.what,
        )
        self._add(fact, text, fact.cause, worker=fact.worker, shard=fact.shard, epoch=fact.epoch)

    def _keep_many(self, held: Held[_Fact]) -> None:
        last = held.items[-1]
        shards = [fact.shard for fact in held.items if fact.shard is not None]
        # Groups that there is no room for apart are of several causes
        cause = last.cause if all(fact.cause == last.cause for fact in held.items) else ""
        text = many(
            last.kind,
            cause,
            count=held.total,
            more=held.more,
            seconds=held.seconds,
            shards=shards,
        )
        self._add(
            last, text, cause,
            count=held.total, seconds=held.seconds, shards=sorted(set(shards)),
        )  # fmt: skip

    def _add(self, fact: _Fact, text: str, cause: str, **more: Any) -> None:
        """Keep and log one. fact: the last of those that it tells. more: fields of Happening that
        one alone or several together have."""
        self._next += 1
        happening = Happening(
            number=self._next,
            at=fact.at,
            kind=fact.kind,
            severity=SENTENCES[fact.kind].severity,
            text=text,
            cause=cause,
            **more,
        )
        self._kept.append(happening)
        log.log(
            LEVELS[happening.severity], "%s", happening.text, extra={"fields": fields_of(happening)}
        )


def fields_of(happening: Happening) -> dict[str, object]:
    """Return what the log tells of a happening beside its sentence, by key."""
    fields: dict[str, object] = {"kind": happening.kind.value}
    for name in ("worker", "shard", "epoch"):
        if (value := getattr(happening, name)) is not None:
            fields[name] = value
    if happening.count > 1:
        fields["count"] = happening.count
    if happening.cause:
        fields["cause"] = happening.cause
    return fields
