"""ReplayClient: asks the replay server, one answer a question."""

from __future__ import annotations

import asyncio
import itertools
import logging
from typing import Final

import zmq

from cluster.decode_errors import MALFORMED, worth_saying
from cluster.endpoints.curve_client import connect
from cluster.endpoints.curve_keys import ClientKeys
from cluster.endpoints.tcp import PREFIX
from cluster.errors import ClusterError
from cluster.subscriber.chain import RangeAsk, RangeReply
from cluster.wire import replay, topic
from cluster.wire.batch import Batch, decode_batch, hole_first

log = logging.getLogger(__name__)

ANSWER_SECONDS: Final = 5.0
FAR_SECONDS: Final = 20.0
"""Over TCP an answer, of 1 MiB or a little more, may have a slow way."""
MOST_ASKED: Final = 8
"""Questions under way at a time: as many answers as the TCP gate holds for one reader."""


class NoAnswerError(ClusterError):
    """The replay server did not answer, or refused the question."""


class ReplayClient:
    """One DEALER socket; questions may overlap. ``close`` ends it. Belongs to one event loop."""

    def __init__(
        self,
        context: zmq.Context[zmq.Socket[bytes]],
        endpoint: str,
        keys: ClientKeys | None = None,
    ) -> None:
        """keys: for an endpoint on TCP."""
        self._patience = FAR_SECONDS if endpoint.startswith(PREFIX) else ANSWER_SECONDS
        self._slots = asyncio.Semaphore(MOST_ASKED)
        self.asked = 0
        """How many questions were sent."""
        self.refused = 0
        """How many answers could not be read."""
        self._ids = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[replay.Response]] = {}
        self._loop = asyncio.get_running_loop()
        self._socket = context.socket(zmq.DEALER)
        # A question to a server that is away waits for it; asked again later, it is answered twice.
        self._socket.setsockopt(zmq.SNDHWM, 100)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._monitor = self._socket.get_monitor_socket(zmq.EVENT_DISCONNECTED)
        self._monitor_fd = int(self._monitor.getsockopt(zmq.FD))
        connect(self._socket, endpoint, keys)
        self._fd = int(self._socket.getsockopt(zmq.FD))
        self._loop.add_reader(self._fd, self._read)
        self._loop.add_reader(self._monitor_fd, self._fail_if_gone)
        self._fail_if_gone()  # Its descriptor tells nothing to who has never read in vain.

    def close(self) -> None:
        self._loop.remove_reader(self._fd)
        self._loop.remove_reader(self._monitor_fd)
        self._socket.disable_monitor()
        self._monitor.close(0)
        self._socket.close(0)
        for future in self._waiting.values():
            future.cancel()

    async def heads(self) -> replay.HeadsAnswer:
        """Return the heads of every shard that the journals know. Raises NoAnswerError."""
        answer = await self._ask(replay.HeadsRequest(id=next(self._ids)))
        if not isinstance(answer, replay.HeadsAnswer):
            raise NoAnswerError(f"the replay server answered {type(answer).__name__}")
        return answer

    async def range(
        self, shard_count: int, shard_id: int, ask: RangeAsk, names: list[str] | None
    ) -> RangeReply:
        """Return a slice of what is asked for. Raises NoAnswerError."""
        answer = await self._ask(
            replay.RangeRequest(
                id=next(self._ids), shard_count=shard_count, shard_id=shard_id, epoch=ask.epoch,
                after=ask.after, upto=ask.upto, names=names,
            )
        )  # fmt: skip
        if not isinstance(answer, replay.RangeAnswer):
            raise NoAnswerError(f"the replay server answered {answer}")
        try:
            batches = [batch for raw in answer.messages if (batch := read_batch(raw))]
        except topic.WireError as error:
            raise NoAnswerError(f"the replay server's answer can't be read: {error}") from error
        return RangeReply(
            ask, batches, answer.reached, answer.gone, answer.more, answer.end, answer.next,
            answer.final, answer.away,
        )  # fmt: skip

    async def _ask(self, request: replay.Request) -> replay.Response:
        async with self._slots:
            return await self._ask_now(request)

    async def _ask_now(self, request: replay.Request) -> replay.Response:
        self.asked += 1
        future: asyncio.Future[replay.Response] = self._loop.create_future()
        self._waiting[request.id] = future
        try:
            self._socket.send(replay.encode(request), zmq.NOBLOCK)
            self._loop.call_soon(self._read)  # Sending may have used up the edge of an answer.
            return await asyncio.wait_for(future, self._patience)
        except zmq.Again:
            raise NoAnswerError("the replay server takes no questions") from None
        except TimeoutError:
            raise NoAnswerError(f"the replay server did not answer in {self._patience} s") from None
        finally:
            del self._waiting[request.id]

    def _fail_if_gone(self) -> None:
        """Fail the questions that a server took with it when it died: whoever asked asks again at
        once instead of waiting."""
        gone = False
        while not self._socket.closed:
            try:
                self._monitor.recv_multipart(zmq.NOBLOCK)
                gone = True
            except zmq.Again:
                break
        for future in self._waiting.values() if gone else ():
            if not future.done():
                future.set_exception(NoAnswerError("the replay server went away"))

    def _read(self) -> None:
        while not self._socket.closed:
            try:
                frame = self._socket.recv(zmq.NOBLOCK)
            except zmq.Again:
                return
            try:
                response = replay.decode_response.decode(frame)
            except MALFORMED as error:
                self.refused += 1
                if worth_saying(self.refused):
                    log.warning("an answer of the replay server can't be read: %s", error)
                continue
            future = self._waiting.get(response.id)
            if future is not None and not future.done():
                future.set_result(response)


def read_batch(message: bytes) -> tuple[str, Batch] | None:
    """Return a batch with its name; None for the cluster's own messages. Raises topic.WireError."""
    name, _, payload = topic.split(message)
    if name[0] != "_":
        return name, decode_batch(payload)
    if name != topic.HOLE:
        return None
    batch = decode_batch(payload)
    for entry in batch.events:
        hole_first(entry.data, entry.seq)
    return name, batch
