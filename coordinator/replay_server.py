"""Answers "what did I miss" from the journals: a process of its own, ``python -m
coordinator.replay_server``.

Apart from hub and limiter, because a damaged journal kills whoever maps it. It reads a ReplaySpec
as JSON from its standard input up to EOF, prints ``{"ready": true}`` once it is bound, and ends on
SIGTERM, SIGINT, or when the process that started it is gone. It holds nothing between two
questions: a slice is bounded, the next is sent when it is asked for, and asking again is always
right.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
from pathlib import Path
from types import FrameType

import msgspec
import zmq

from cluster.journal.history import History
from cluster.journal.records import UnreadableJournalError
from cluster.wire import replay

log = logging.getLogger(__name__)

ANSWERS_HWM = 64
"""Slices that wait for one reader; a reader that asks for more without reading loses them."""
MAX_QUESTION = 64 * 1024
MAX_FRAMES = 3
"""Address and question, with the address at the TCP gate between them for who came through it."""
POLL_MS = 500


class ReplaySpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a replay server must know."""

    endpoint: str
    journals: str
    """The folder with a folder for each slot."""
    cluster: str
    """Store id."""
    parent: int = 0
    """Process without which it ends; 0: the one that is its parent once it serves. Given, it is
    noticed too that it died while this one was starting."""


class ReplayServer:
    """The socket and the journals. ``serve`` until ``stop``; ``close`` both."""

    def __init__(
        self, endpoint: str, history: History, cluster: str,
        context: zmq.Context[zmq.Socket[bytes]],
    ) -> None:  # fmt: skip
        """Raises zmq.ZMQError if the endpoint can't be bound."""
        self.refused = 0
        self.unsent = 0
        """Answers whose reader was gone, or did not read."""
        self._history = history
        self._cluster = cluster
        self._stopping = False
        self._socket = context.socket(zmq.ROUTER)
        self._socket.setsockopt(zmq.SNDHWM, ANSWERS_HWM)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.setsockopt(zmq.MAXMSGSIZE, MAX_QUESTION)
        self._socket.setsockopt(zmq.ROUTER_MANDATORY, 1)
        try:
            self._socket.bind(endpoint)
        except zmq.ZMQError:
            self._socket.close()
            raise

    def stop(self) -> None:
        """From another thread: end within half a second."""
        self._stopping = True

    def serve(self, parent: int = 0) -> None:
        """Answer until ``stop``, or until the process that started this one is gone."""
        parent = parent or os.getppid()
        while not self._stopping and os.getppid() == parent:
            if self._socket.poll(POLL_MS):
                frames = self._socket.recv_multipart()
                self._answer(frames)

    def close(self) -> None:
        self._socket.close(0)
        self._history.close()

    def _answer(self, frames: list[bytes]) -> None:
        try:
            if not 2 <= len(frames) <= MAX_FRAMES:
                raise msgspec.DecodeError(f"{len(frames) - 1} frames; a question has one")
            request = replay.decode_request.decode(frames[-1])
            response = self._respond(request)
        except (msgspec.DecodeError, RecursionError) as error:
            self.refused += 1
            log.warning("a question was refused: %s", error)
            response = replay.Refusal(id=-1, cause=str(error))
        try:
            address = frames[: max(1, min(len(frames), MAX_FRAMES) - 1)]
            self._socket.send_multipart([*address, replay.encode(response)], zmq.NOBLOCK)
        except zmq.ZMQError as error:
            if error.errno not in (zmq.EAGAIN, zmq.EHOSTUNREACH):
                raise
            self.unsent += 1  # It asks again, if it is still there.

    def _respond(self, request: replay.Request) -> replay.Response:
        if request.v != replay.REPLAY_VERSION:
            cause = f"version {request.v}: this server speaks {replay.REPLAY_VERSION}"
            return replay.Refusal(id=request.id, cause=cause)
        try:
            if isinstance(request, replay.HeadsRequest):
                return self._heads(request)
            names = None if request.names is None else frozenset(request.names)
            part = self._history.read(
                request.shard_id, request.shard_count, request.epoch, request.after,
                request.upto, names,
            )  # fmt: skip
        except UnreadableJournalError as error:
            log.error("%s", error)
            return replay.Refusal(id=request.id, cause=str(error))
        return replay.RangeAnswer(id=request.id, **part._asdict())

    def _heads(self, request: replay.HeadsRequest) -> replay.HeadsAnswer:
        rows = [
            replay.HeadRow(
                head.state.shard_count, head.state.shard_id, head.state.epoch, head.state.seq,
                head.oldest,
            )
            for head in self._history.heads()
            if head.state.epoch > 0
        ]  # fmt: skip
        return replay.HeadsAnswer(id=request.id, cluster=self._cluster, shards=rows)


def main() -> int:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    try:
        spec = msgspec.json.decode(sys.stdin.buffer.read(), type=ReplaySpec)
    except msgspec.DecodeError as error:
        print(f"no ReplaySpec on the standard input: {error}", file=sys.stderr)
        return 2
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    try:
        history = History(Path(spec.journals), spec.cluster)
        server = ReplayServer(spec.endpoint, history, spec.cluster, context)
    except zmq.ZMQError as error:
        print(f"{spec.endpoint} can't be bound: {error.strerror}", file=sys.stderr)
        context.term()
        return 1

    def end(signum: int, frame: FrameType | None) -> None:
        sys.exit(0)  # at once, out of a poll too; nothing is written here that could be half done

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    print('{"ready": true}', flush=True)
    try:
        server.serve(spec.parent)
    finally:
        server.close()
        context.term()
    return 0


if __name__ == "__main__":
    sys.exit(main())
