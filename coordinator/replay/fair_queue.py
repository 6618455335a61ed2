"""Whose question is answered next: one of each reader in a round, however many one asks. Pure."""

from __future__ import annotations

from collections import OrderedDict, deque
from typing import Final, Generic, NamedTuple, TypeVar

WAITING_EACH: Final = 64
"""How many questions of one reader may wait."""
WAITING: Final = 10_000
"""How many questions of all readers may wait."""

Address = tuple[bytes, ...]
"""Frames that lead to a reader."""
_Question = TypeVar("_Question")


class QueuedQuestion(NamedTuple, Generic[_Question]):
    """A question that is answered next."""

    reader: Address
    question: _Question


class FairQueue(Generic[_Question]):
    """Questions that wait, by reader; the reader at the front is next."""

    def __init__(self, each: int = WAITING_EACH, all_readers: int = WAITING) -> None:
        self.waiting = 0
        self._each = each
        self._all = all_readers
        self._readers: OrderedDict[Address, deque[_Question]] = OrderedDict()

    @property
    def readers(self) -> int:
        """How many have a question that waits."""
        return len(self._readers)

    def add(self, reader: Address, question: _Question) -> bool:
        """Let a question wait. False: too many wait already, and it was not taken."""
        questions = self._readers.get(reader)
        if self.waiting >= self._all or (questions is not None and len(questions) >= self._each):
            return False
        if questions is None:
            questions = self._readers[reader] = deque()
        questions.append(question)
        self.waiting += 1
        return True

    def take(self) -> QueuedQuestion[_Question] | None:
        """Take the oldest question of the reader that waits longest for an answer; None: nobody
        asks."""
        if not self._readers:
            return None
        reader, questions = self._readers.popitem(last=False)
        question = questions.popleft()
        self.waiting -= 1
        if questions:
            self._readers[reader] = questions  # behind all others
        return QueuedQuestion(reader, question)

    def put_back(self, queued: QueuedQuestion[_Question]) -> None:
        """Put a question back that can't be answered now: it stays its reader's next one, behind
        all others."""
        questions = self._readers.pop(queued.reader, deque())
        questions.appendleft(queued.question)
        self._readers[queued.reader] = questions
        self.waiting += 1
