"""The answers to readers' questions, from the journals."""

from __future__ import annotations

import logging

import lmdb

from cluster.journal.history import History
from cluster.journal.reader import READ_SECONDS, SLICE_BYTES, RangeQuery
from cluster.journal.records import UnreadableJournalError
from cluster.wire import replay
from cluster.wire.shard_state import ShardState
from cluster.wire.states import HeadState

log = logging.getLogger(__name__)


class Answers:
    """Answers for the journals of one cluster."""

    def __init__(self, history: History, cluster: str) -> None:
        """cluster: its store id."""
        self._history = history
        self._cluster = cluster

    def answer(self, request: replay.Request, share: int = 1) -> replay.Response:
        """Answer a question. share: into so many parts a slice is cut, of which this answer is
        one."""
        try:
            if isinstance(request, replay.HeadsRequest):
                return self._heads(request)
            return self._range(request, share)
        except (UnreadableJournalError, lmdb.Error) as error:
            log.error("a question can't be answered: %s", error)
            return replay.Refusal(id=request.id, cause=str(error))

    def _range(self, request: replay.RangeRequest, share: int) -> replay.RangeAnswer:
        query = RangeQuery(
            request.shard_id,
            request.shard_count,
            request.epoch,
            request.after,
            request.upto,
            None if request.names is None else frozenset(request.names),
            SLICE_BYTES // share,
            READ_SECONDS / share,
        )
        part = self._history.read(query)
        return replay.RangeAnswer(id=request.id, **part._asdict())

    def _heads(self, request: replay.HeadsRequest) -> replay.HeadsAnswer:
        rows = [
            replay.HeadRow(
                head.state.shard_count,
                head.state.shard_id,
                head.state.epoch,
                head.state.seq,
                head.oldest,
                head.state.public,
                head_state(head.state),
            )
            for head in self._history.heads()
            if head.state.epoch > 0
        ]
        return replay.HeadsAnswer(
            id=request.id,
            cluster=self._cluster,
            shards=rows,
            unreadable=len(self._history.unreadable),
        )


def head_state(state: ShardState) -> HeadState:
    """Return what a journal's state of a shard says beside how far it is."""
    if state.held:
        return HeadState.HELD
    return HeadState.RETIRED if state.retired else HeadState.NONE
