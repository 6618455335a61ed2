"""Answers what the coordinator passes on: the cache's own socket (ROUTER, ipc).

Who may ask is decided by the folder's rights (0700) and by the coordinator. What comes in is
bounded and checked all the same; what is no request is left out.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, Final

import msgspec
import zmq
import zmq.asyncio

from cluster.cache.answers import answer
from cluster.cache.reading.snapshot import Snapshot
from cluster.decode_errors import MALFORMED, worth_saying
from cluster.errors import AlreadyRunningError, ClusterError
from cluster.wire import control
from cluster.wire.cache import CacheAsk

log = logging.getLogger(__name__)

MAX_REQUEST_BYTES: Final = 64 * 1024


class Responder:
    """Bound from its making until ``close``, heard while ``run`` does."""

    def __init__(
        self, context: zmq.asyncio.Context, endpoint: str, snapshot: Callable[[], Snapshot]
    ) -> None:
        """snapshot: takes one, for one answer. Raises AlreadyRunningError."""
        self.refused = 0
        """How many messages were no requests."""
        self._snapshot = snapshot
        self._socket = context.socket(zmq.ROUTER)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.setsockopt(zmq.MAXMSGSIZE, MAX_REQUEST_BYTES)
        try:
            self._socket.bind(endpoint)
        except zmq.ZMQError as error:
            self._socket.close()
            raise AlreadyRunningError(f"{endpoint} can't be bound ({error.strerror})") from error

    def close(self) -> None:
        self._socket.close()

    async def run(self) -> None:
        """Answer until cancelled. An answer that nobody takes is dropped: who asked asks again."""
        while True:
            frames: list[Any] = await self._socket.recv_multipart()
            response = self._respond(frames)
            if response is not None:
                await self._socket.send_multipart([frames[0], control.encode(response)])

    def _respond(self, frames: list[bytes]) -> control.Response | None:
        """Return the answer to one message [sender, request]; None: it is no request."""
        try:
            _, data = frames
            request = control.decode_request(data)
        except (ValueError, *MALFORMED) as error:
            self.refused += 1
            if worth_saying(self.refused):
                log.warning("message %d is no question: %s", self.refused, error)
            return None
        try:
            ask = msgspec.convert(request.args, CacheAsk)
            with self._snapshot() as view:
                page = answer(view, ask)
        except MALFORMED as error:
            refused = ClusterError(f"not the arguments of this request ({error})")
            return _failed(request.id, refused)
        except ClusterError as error:
            return _failed(request.id, error)
        except Exception as error:  # what is asked keeps nobody from filling the cache
            log.exception("a question can't be answered")
            kind = type(error).__name__
            return _failed(request.id, ClusterError(f"the cache failed ({kind})", "see cache.log"))
        return control.Response(id=request.id, ok=True, result=msgspec.Raw(control.encode(page)))


def _failed(number: int, error: ClusterError) -> control.Response:
    return control.Response(id=number, ok=False, error=control.failure_of(error))
