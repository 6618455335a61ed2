"""The verdict on one witness's stream: lost, out of order, twice, gaps that are not exact.

A stream is judged as it goes: an item when the witness says that all up to it was handled, and the
ledger has been read as far. Nothing but what is not judged yet is kept. Pure.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Mapping
from typing import Final

from cluster.wire.position import WHOLE
from tests.chaos.judgement.dispatch_ledger import DispatchLedger, SessionDispatches
from tests.chaos.judgement.overlap import OverlapTally
from tests.chaos.judgement.records import (
    Breach,
    Item,
    Key,
    Names,
    Place,
    ReceivedEvent,
    ReportedGap,
)

MAX_GAP: Final = 1_000_000
"""A bounded gap that is longer is no gap but nonsense."""


class ShardStream:
    """One shard in a stream."""

    def __init__(self, key: Key, *, late: bool) -> None:
        self.key = key
        self.late = late
        """Whether the stream begins in the midst, where its first item or position is."""
        self.epoch = 0
        self.judged = 0
        """All up to this s of the epoch came, or is missing and counted."""
        self.ended = False
        """Whether the epoch's end was reported."""
        self.queue: deque[Item] = deque()
        self.position: Place = (0, -1)
        self.finished = False
        """Whether all of it was handled and nothing follows: its shard count is out of force."""
        self.covered: set[int] = set()
        """Seqs above ``judged`` that a gap covers."""
        self.lost: set[int] = set()
        """Seqs of this epoch that were counted as lost."""


class Audit:
    """Judges one witness. ``take`` what it says, then ``work``; breaches gather in ``breaches``."""

    def __init__(
        self, who: str, names: Names = None, *,
        late: Mapping[Key, Place] | None = None,
    ) -> None:  # fmt: skip
        """late: it begins in the midst, and not before these places; what was dispatched after it
        has ``joined`` must come."""
        self.who = who
        self.names = names
        self.breaches: list[Breach] = []
        self.counts: Counter[str] = Counter()
        """events, and breaches by kind."""
        self.covered: list[tuple[str, int, float]] = []
        """Session id, s and Unix seconds of each event that a bounded gap covers."""
        self.ends: dict[str, int] = {}
        """Session id -> its last s, where its end was reported."""
        self.accepted: list[ReceivedEvent] = []
        """Events that came as they had to; whoever wants them takes them out."""
        self.said_at: list[float] = []
        """Unix seconds of each event, or session's end, that a gap reports."""
        self.due_at: list[float] = []
        """Unix seconds of each event, or session's end, that a gap has to report."""
        self._overlap: OverlapTally | None = None
        self._late = late is not None
        self._floor = dict(late or {})
        self._joined_at = float("inf")
        self._streams: dict[Key, ShardStream] = {}

    def take(self, items: Iterable[Item], position: Mapping[Key, Place]) -> None:
        """Take what came since the last call, in its order, and how far all was handled now."""
        for item in items:
            if item.key[1] < 0:
                self._breach("gap", 0.0, f"of all shards: {item}")
            else:
                self._stream(item.key).queue.append(item)
        for key, place in position.items():
            stream = self._stream(key)
            stream.position = max(stream.position, place)
            stream.finished = stream.position[1] == WHOLE

    def joined(self, joined_at: float) -> None:
        """Note that the witness says that it joined, at this Unix time."""
        self._joined_at = min(self._joined_at, joined_at)

    def resharding(self, old_count: int, new_count: int) -> None:
        """Both shard counts bring the same events from now on, and one of two has to come."""
        self._overlap = OverlapTally(old_count, new_count)

    def unfinished(self, count: int) -> list[Key]:
        """Shards of this count that are not finished, or not judged."""
        streams = [(key, stream) for key, stream in self._streams.items() if key[0] == count]
        return [key for key, stream in streams if stream.queue or not stream.finished]

    def resharded(self, ends: Mapping[Key, Place], ledger: DispatchLedger) -> None:
        """The old count's sessions were logged out, and all was judged. ends: where they ended."""
        assert self._overlap is not None
        for key, (epoch, seq) in ends.items():
            stream, session = self._stream(key), ledger.session_of(key, epoch)
            if session is not None and stream.epoch == epoch:
                self._pass(stream, seq, session)
            stream.ended = True
        for breach in self._overlap.breaches():
            self._breach(*breach)
        self._overlap = None

    def restarted(self) -> None:
        """The witness died: what it had not yet handled will come again."""
        for stream in self._streams.values():
            stream.queue = deque(i for i in stream.queue if i.place <= stream.position)

    def places(self) -> dict[Key, Place]:
        """How far each shard is judged."""
        begun = {key: stream for key, stream in self._streams.items() if stream.epoch}
        return self._floor | {k: (stream.epoch, stream.judged) for k, stream in begun.items()}

    def behind(self, ledger: DispatchLedger, heads: Mapping[Key, tuple[int, int]]) -> list[Key]:
        """Shards that are not judged as far as these heads (session number, s)."""
        return [key for key, head in heads.items() if self._progress(ledger, key) < head]

    def _progress(self, ledger: DispatchLedger, key: Key) -> tuple[int, int]:
        stream = self._streams.get(key)
        session = stream and ledger.session_of(key, stream.epoch)
        return (session.number, stream.judged) if stream and session else (-1, 0)

    def work(self, ledger: DispatchLedger) -> None:
        """Judge all that can be judged now."""
        for stream in self._streams.values():
            while stream.queue and (stream.finished or stream.queue[0].place <= stream.position):
                if not self._judge(stream, stream.queue[0], ledger):
                    break
                stream.queue.popleft()
            else:
                self._reach(stream, ledger)

    def _stream(self, key: Key) -> ShardStream:
        stream = self._streams.get(key)
        if stream is None:
            stream = self._streams[key] = ShardStream(key, late=self._late)
        return stream

    def _breach(self, kind: str, moment: float, text: str) -> None:
        self.counts[kind] += 1
        if len(self.breaches) < 100:  # a broken stream breaks at every item
            self.breaches.append(Breach(kind, self.who, moment, text))

    # -- one item ------------------------------------------------------------------------------

    def _judge(self, stream: ShardStream, item: Item, ledger: DispatchLedger) -> bool:
        """Judge an item; False: the ledger is not read as far yet."""
        if isinstance(item, ReceivedEvent):
            session = ledger.learn_session(item)
        else:
            session = ledger.session_of(item.key, item.epoch)
        if session is None or session.head < item.place[1] - (
            isinstance(item, ReportedGap) and item.last is None
        ):
            return False
        if stream.epoch == 0 and stream.late:
            first = item.seq if isinstance(item, ReceivedEvent) else item.first
            self._begin_late(stream, item.epoch, first, session)
        if item.epoch < stream.epoch:
            self._breach("disorder", 0.0, f"epoch {item.epoch} after {stream.epoch}: {item}")
            return True
        if item.epoch > stream.epoch:
            self._enter(stream, item.epoch, session)
        if isinstance(item, ReceivedEvent):
            self._judge_event(stream, item, session)
        else:
            self._judge_gap(stream, item, session)
        return True

    def _begin_late(
        self, stream: ShardStream, epoch: int, first: int, session: SessionDispatches
    ) -> None:
        stream.epoch = epoch
        for seq in range(session.base + 1, first):
            row = session.row(seq)
            if row is not None and row.moment > self._joined_at and self._takes(row.name):
                self._breach(
                    "lost", row.moment, f"s {seq} ({row.name}), dispatched after it had joined"
                )
        stream.judged = first - 1

    def _takes(self, name: str) -> bool:
        return self.names is None or name in self.names

    def _enter(self, stream: ShardStream, epoch: int, session: SessionDispatches) -> None:
        """Go on to a new epoch; the one before has to have ended."""
        if stream.epoch and not stream.ended:
            text = f"epoch {stream.epoch} of {session.key} ended without a word"
            self._breach("gap", session.opened_at, text)
        stream.epoch, stream.judged, stream.ended = epoch, 0, False
        stream.covered, stream.lost = set(), set()

    def _judge_event(
        self, stream: ShardStream, event: ReceivedEvent, session: SessionDispatches
    ) -> None:
        row = session.row(event.seq)
        dispatched_at = row.moment if row is not None else 0.0
        if event.seq <= stream.judged:
            kind = "disorder" if event.seq in stream.lost else "duplicate"
            self._breach(kind, dispatched_at, f"{event}")
            return
        self._pass(stream, event.seq - 1, session)
        if event.seq in stream.covered:
            stream.covered.discard(event.seq)
            self._breach("gap", dispatched_at, f"a gap covers what came: {event}")
        if stream.ended:
            self._breach("gap", dispatched_at, f"after its epoch's end: {event}")
        if row is None or (event.name, event.hash) != (row.name, row.hash):
            self._breach("lost", dispatched_at, f"{event} is not what was sent: {row}")
        stream.judged = event.seq
        self.counts["events"] += 1
        self.accepted.append(event)
        if row is not None and self._overlap is not None:
            self._overlap.record(event.key[0], row, received=True)

    def _judge_gap(self, stream: ShardStream, gap: ReportedGap, session: SessionDispatches) -> None:
        if gap.last is None:
            self._end(stream, gap, session)
            return
        if gap.last - gap.first > MAX_GAP:
            self._breach("gap", 0.0, f"absurd: {gap}")
            return
        for seq in range(gap.first, gap.last + 1):
            row = session.row(seq)
            if row is None:
                self._breach("gap", 0.0, f"s {seq} was judged before: {gap}")
            elif self._takes(row.name) and (gap.names is None or row.name in gap.names):
                if seq <= stream.judged:
                    self._breach("gap", row.moment, f"a gap covers s {seq}, which came: {gap}")
                else:
                    stream.covered.add(seq)
                    self.covered.append((session.session_id, seq, row.moment))
                    self.said_at.append(row.moment)

    def _end(self, stream: ShardStream, gap: ReportedGap, session: SessionDispatches) -> None:
        """Judge a gap without an end: the session of the epoch is over."""
        ended_at = session.last_at
        if gap.reason != "session_lost":
            self._breach("gap", ended_at, f"an open end that is not a session's: {gap}")
        if stream.ended:
            self._breach("gap", ended_at, f"an end that was told twice: {gap}")
            return
        if gap.first <= stream.judged:
            self._breach("gap", ended_at, f"covers what came, up to {stream.judged}: {gap}")
        self._pass(stream, gap.first - 1, session)
        stream.ended = True
        self.ends[session.session_id] = gap.first - 1
        self.said_at.append(ended_at)
        self.due_at.append(ended_at)

    def _pass(self, stream: ShardStream, upto: int, session: SessionDispatches) -> None:
        """All up to here was put out: what is not, and that no gap covers, is lost."""
        for seq in range(stream.judged + 1, upto + 1):
            row = session.row(seq)
            if row is None or not self._takes(row.name):
                continue
            covered = seq in stream.covered
            if not covered and self._overlap is not None:
                self._overlap.record(session.key[0], row, received=False)
                continue
            self.due_at.append(row.moment)
            if covered:
                stream.covered.discard(seq)
            else:
                stream.lost.add(seq)
                text = f"{session.key} epoch {stream.epoch} s {seq}: {row.name}"
                self._breach("lost", row.moment, text)
        stream.judged = max(stream.judged, upto)

    def _reach(self, stream: ShardStream, ledger: DispatchLedger) -> None:
        """The position itself says that all up to it was put out."""
        epoch, seq = stream.position
        session = ledger.session_of(stream.key, epoch)
        over = epoch < stream.epoch or (epoch == stream.epoch and stream.ended)
        if over or session is None or session.head < seq:
            return
        if stream.epoch == 0 and stream.late:
            self._begin_late(stream, epoch, seq + 1, session)
        elif epoch > stream.epoch:
            self._enter(stream, epoch, session)
        self._pass(stream, seq, session)
