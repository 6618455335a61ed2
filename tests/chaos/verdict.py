"""The verdict on one witness's stream: lost, out of order, twice, gaps that are not exact.

A stream is judged as it goes: an item when the witness says that all up to it was handled, and the
ledger has been read as far. Nothing but what is not judged yet is kept. Pure.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Mapping
from typing import Final

from cluster.wire.position import WHOLE
from tests.chaos.book import Book, Pages
from tests.chaos.evidence import Breach, Came, Item, Key, Missed, Names, Place
from tests.chaos.twins import Twins

MAX_GAP: Final = 1_000_000
"""A bounded gap that is longer is no gap but nonsense."""


class Line:
    """One shard in a stream."""

    def __init__(self, key: Key, *, late: bool) -> None:
        self.key = key
        self.late = late
        """It begins where its first item, or position, is."""
        self.epoch = 0
        self.at = 0
        """All up to this s of the epoch came, or is missing and counted."""
        self.ended = False
        """The epoch's end was told."""
        self.queue: deque[Item] = deque()
        self.position: Place = (0, -1)
        self.finished = False
        """All of it was handled, and nothing follows: its shard count is in force no more."""
        self.told: set[int] = set()
        """Seqs above ``at`` that a gap covers."""
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
        self.said: list[tuple[str, int, float]] = []
        """Session, s and time of each event that a bounded gap covers."""
        self.ends: dict[str, int] = {}
        """Session -> its last s, where its end was told."""
        self.said_at: list[float] = []
        self.due_at: list[float] = []
        """Unix time of each event, or session's end, that gaps say or that gaps are due for."""
        self.twice = 0
        """Events that both shard counts of a resharding brought."""
        self._twins: Twins | None = None
        self._late = late is not None
        self._floor = dict(late or {})
        self._joined_at = float("inf")
        self._lines: dict[Key, Line] = {}

    def take(self, items: Iterable[Item], position: Mapping[Key, Place]) -> None:
        """What came since the last call, in its order, and how far all was handled now."""
        for item in items:
            if item.key[1] < 0:
                self._breach("gap", 0.0, f"of all shards: {item}")
            else:
                self._line(item.key).queue.append(item)
        for key, place in position.items():
            line = self._line(key)
            line.position = max(line.position, place)
            line.finished = line.position[1] == WHOLE

    def joined(self, at: float) -> None:
        """It says that it has joined, at this Unix time."""
        self._joined_at = min(self._joined_at, at)

    def resharding(self, of_count: int, to_count: int) -> None:
        """From now on both counts bring the same events, of which one is to come."""
        self._twins = Twins(of_count, to_count)

    def not_left(self, count: int) -> list[Key]:
        """Shards of this count that are not finished, and judged."""
        lines = [(key, line) for key, line in self._lines.items() if key[0] == count]
        return [key for key, line in lines if line.queue or not line.finished]

    def resharded(self, ends: Mapping[Key, Place], book: Book) -> None:
        """The old count's sessions were logged out, and all was judged. ends: where they ended."""
        assert self._twins is not None
        for key, (epoch, seq) in ends.items():
            line, pages = self._line(key), book.pages(key, epoch)
            if pages is not None and line.epoch == epoch:
                self._pass(line, seq, pages)
            line.ended = True
        lost, twice = self._twins.sums()
        self.twice += twice
        self._twins = None
        for at, text in lost:
            self._breach("lost", at, text)

    def restarted(self) -> None:
        """The witness died: what it had not yet handled will come again."""
        for line in self._lines.values():
            line.queue = deque(i for i in line.queue if i.place <= line.position)

    def places(self) -> dict[Key, Place]:
        """How far each shard is judged."""
        begun = {k: (line.epoch, line.at) for k, line in self._lines.items() if line.epoch}
        return self._floor | begun

    def behind(self, book: Book, heads: Mapping[Key, tuple[int, int]]) -> list[Key]:
        """Shards that are not judged as far as these heads (session number, s)."""
        return [key for key, head in heads.items() if self._at(book, key) < head]

    def _at(self, book: Book, key: Key) -> tuple[int, int]:
        line = self._lines.get(key)
        pages = line and book.pages(key, line.epoch)
        return (pages.number, line.at) if line and pages else (-1, 0)

    def work(self, book: Book) -> None:
        """Judge all that can be judged now."""
        for line in self._lines.values():
            while line.queue and (line.finished or line.queue[0].place <= line.position):
                if not self._judge(line, line.queue[0], book):
                    break
                line.queue.popleft()
            else:
                self._reach(line, book)

    def _line(self, key: Key) -> Line:
        line = self._lines.get(key)
        if line is None:
            line = self._lines[key] = Line(key, late=self._late)
        return line

    def _breach(self, kind: str, at: float, text: str) -> None:
        self.counts[kind] += 1
        if len(self.breaches) < 100:  # a broken stream breaks at every item
            self.breaches.append(Breach(kind, self.who, at, text))

    # -- one item ------------------------------------------------------------------------------

    def _judge(self, line: Line, item: Item, book: Book) -> bool:
        """False: the ledger is not read as far yet."""
        pages = book.learn(item) if isinstance(item, Came) else book.pages(item.key, item.epoch)
        if pages is None or pages.head < item.place[1] - (
            isinstance(item, Missed) and item.last is None
        ):
            return False
        if line.epoch == 0 and line.late:
            first = item.seq if isinstance(item, Came) else item.first
            self._begin_late(line, item.epoch, first, pages)
        if item.epoch < line.epoch:
            self._breach("disorder", 0.0, f"epoch {item.epoch} after {line.epoch}: {item}")
            return True
        if item.epoch > line.epoch:
            self._enter(line, item.epoch, pages)
        if isinstance(item, Came):
            self._came(line, item, pages)
        else:
            self._missed(line, item, pages)
        return True

    def _begin_late(self, line: Line, epoch: int, first: int, pages: Pages) -> None:
        line.epoch = epoch
        for seq in range(pages.base + 1, first):
            row = pages.row(seq)
            if row is not None and row.at > self._joined_at and self._takes(row.name):
                self._breach(
                    "lost", row.at, f"s {seq} ({row.name}), dispatched after it had joined"
                )
        line.at = first - 1

    def _takes(self, name: str) -> bool:
        return self.names is None or name in self.names

    def _enter(self, line: Line, epoch: int, pages: Pages) -> None:
        if line.epoch and not line.ended:
            self._breach(
                "gap", pages.opened_at, f"epoch {line.epoch} of {pages.key} ended without a word"
            )
        line.epoch, line.at, line.ended = epoch, 0, False
        line.told, line.lost = set(), set()

    def _came(self, line: Line, event: Came, pages: Pages) -> None:
        row = pages.row(event.seq)
        at = row.at if row is not None else 0.0
        if event.seq <= line.at:
            kind = "disorder" if event.seq in line.lost else "duplicate"
            self._breach(kind, at, f"{event}")
            return
        self._pass(line, event.seq - 1, pages)
        if event.seq in line.told:
            line.told.discard(event.seq)
            self._breach("gap", at, f"a gap covers what came: {event}")
        if line.ended:
            self._breach("gap", at, f"after its epoch's end: {event}")
        if row is None or (event.name, event.hash) != (row.name, row.hash):
            self._breach("lost", at, f"{event} is not what was sent: {row}")
        line.at = event.seq
        self.counts["events"] += 1
        if row is not None and self._twins is not None:
            self._twins.saw(event.key[0], row, came=True)

    def _missed(self, line: Line, gap: Missed, pages: Pages) -> None:
        if gap.last is None:
            self._end(line, gap, pages)
            return
        if gap.last - gap.first > MAX_GAP:
            self._breach("gap", 0.0, f"absurd: {gap}")
            return
        for seq in range(gap.first, gap.last + 1):
            row = pages.row(seq)
            if row is None:
                self._breach("gap", 0.0, f"s {seq} was judged before: {gap}")
            elif self._takes(row.name) and (gap.names is None or row.name in gap.names):
                if seq <= line.at:
                    self._breach("gap", row.at, f"a gap covers s {seq}, which came: {gap}")
                else:
                    line.told.add(seq)
                    self.said.append((pages.session, seq, row.at))
                    self.said_at.append(row.at)

    def _end(self, line: Line, gap: Missed, pages: Pages) -> None:
        at = pages.last_at
        if gap.reason != "session_lost":
            self._breach("gap", at, f"an open end that is not a session's: {gap}")
        if line.ended:
            self._breach("gap", at, f"an end that was told twice: {gap}")
            return
        if gap.first <= line.at:
            self._breach("gap", at, f"covers what came, up to {line.at}: {gap}")
        self._pass(line, gap.first - 1, pages)
        line.ended = True
        self.ends[pages.session] = gap.first - 1
        self.said_at.append(at)
        self.due_at.append(at)

    def _pass(self, line: Line, upto: int, pages: Pages) -> None:
        """All up to here was put out: what is not, and that no gap covers, is lost."""
        for seq in range(line.at + 1, upto + 1):
            row = pages.row(seq)
            if row is None or not self._takes(row.name):
                continue
            told = seq in line.told
            if not told and self._twins is not None:
                self._twins.saw(pages.key[0], row, came=False)
                continue
            self.due_at.append(row.at)
            if told:
                line.told.discard(seq)
            else:
                line.lost.add(seq)
                self._breach("lost", row.at, f"{pages.key} epoch {line.epoch} s {seq}: {row.name}")
        line.at = max(line.at, upto)

    def _reach(self, line: Line, book: Book) -> None:
        """The position itself says that all up to it was put out."""
        epoch, seq = line.position
        pages = book.pages(line.key, epoch)
        over = epoch < line.epoch or (epoch == line.epoch and line.ended)
        if over or pages is None or pages.head < seq:
            return
        if line.epoch == 0 and line.late:
            self._begin_late(line, epoch, seq + 1, pages)
        elif epoch > line.epoch:
            self._enter(line, epoch, pages)
        self._pass(line, seq, pages)
