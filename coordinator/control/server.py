"""Answers control requests (ROUTER, ipc; cluster.wire.control): the only way in for people and
programs.

Who may ask is decided by the folder's rights (0700). What comes in is bounded, checked and never
trusted to be well-formed: what is not a request is counted, logged and answered with an error.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

import msgspec
import zmq
import zmq.asyncio

from cluster.decode_errors import MALFORMED, worth_saying
from cluster.descriptors import Descriptors
from cluster.errors import ClusterError
from cluster.wire import control
from coordinator.ipc_listener import IpcListener, attended
from coordinator.verb import Parcel, Verb

log = logging.getLogger(__name__)

MAX_REQUEST_BYTES: Final = 1024 * 1024
"""The most bytes of a request; libzmq disconnects who sends more in one frame."""

KEPT_FREE: Final = 32
"""Descriptors that who asks leaves free."""
MAX_UNDER_WAY: Final = 16_384
"""Requests that may wait for their answers at a time: about 50 MB."""
MAX_BYTES_UNDER_WAY: Final = 32 * 1024 * 1024
"""Bytes of the requests that may wait for their answers at a time."""


class _Reply(NamedTuple):
    """An answer, and what is done if nobody takes it."""

    response: control.Response
    undelivered: Callable[[], None] | None = None


class ControlServer:
    """Answers requests while `run` does."""

    def __init__(
        self,
        context: zmq.asyncio.Context,
        endpoint: str,
        descriptors: Descriptors | None = None,
    ) -> None:
        """descriptors: those that the listeners of this process share."""
        self.refused = 0
        """How many messages were no requests."""
        self._socket = context.socket(zmq.ROUTER)
        self._socket.setsockopt(zmq.LINGER, 500)  # the answer to `stop` still goes out
        self._socket.setsockopt(zmq.MAXMSGSIZE, MAX_REQUEST_BYTES)
        # A send to who is gone is an error then, and not dropped without a word
        self._socket.setsockopt(zmq.ROUTER_MANDATORY, 1)
        self._under_way = self._bytes_under_way = 0
        self.listener = IpcListener(
            self._socket, endpoint, descriptors or Descriptors(), keep=KEPT_FREE, part=8
        )

    def bind(self) -> None:
        """Bind the endpoint; who connects waits until it runs. zmq.ZMQError if that can't be
        done."""
        self.listener.bind()

    def close(self) -> None:
        self._socket.close()
        self.listener.close()

    async def run(self, verbs: Mapping[str, Verb]) -> None:
        """Answer requests for these verbs, until cancelled. A request that takes long holds up no
        other."""
        async with asyncio.TaskGroup() as group, attended(self.listener):
            while True:
                frames: list[Any] = await self._socket.recv_multipart()
                group.create_task(self._serve(frames, verbs))

    async def _serve(self, frames: list[bytes], verbs: Mapping[str, Verb]) -> None:
        size = sum(map(len, frames))
        self._under_way += 1
        self._bytes_under_way += size
        try:
            answer = await self._answer(frames, verbs)
        finally:
            self._under_way -= 1
            self._bytes_under_way -= size
        if not self._send([frames[0], control.encode(answer.response)]) and answer.undelivered:
            answer.undelivered()

    def _send(self, frames: list[bytes]) -> bool:
        """Send an answer; it is sent when this returns. False: who asked is gone, or has stopped
        reading."""
        sent: asyncio.Future[Any] = asyncio.ensure_future(
            self._socket.send_multipart(frames, zmq.NOBLOCK)
        )
        error = sent.exception()
        if isinstance(error, zmq.ZMQError) and error.errno in (zmq.EHOSTUNREACH, zmq.EAGAIN):
            log.debug("an answer was not taken: %s", error)
            return False
        if error is not None:
            raise error
        return True

    async def _answer(self, frames: list[bytes], verbs: Mapping[str, Verb]) -> _Reply:
        """Return the answer to one message [sender, request]; never raises."""
        try:
            _, data = frames
            request = control.decode_request(data)
        except (ValueError, *MALFORMED) as error:
            self.refused += 1
            if worth_saying(self.refused):
                log.warning("control message %d refused: %s", self.refused, error)
            return _failed(0, ClusterError(f"not a control request ({error})"))
        if request.v != control.CONTROL_VERSION:
            return _failed(
                request.id,
                ClusterError(
                    f"the request is of version {request.v}, this cluster speaks "
                    f"{control.CONTROL_VERSION}",
                    "use the dcgw-cluster that the cluster was started with",
                ),
            )
        if self._under_way > MAX_UNDER_WAY or self._bytes_under_way > MAX_BYTES_UNDER_WAY:
            return _failed(
                request.id,
                ClusterError(f"{self._under_way - 1} requests wait already", "ask again later"),
            )
        verb = verbs.get(request.verb)
        if verb is None:
            known = ", ".join(sorted(verbs))
            return _failed(
                request.id, ClusterError(f"unknown verb {request.verb[:40]!r}", f"known: {known}")
            )
        return await self._run(request, verb)

    async def _run(self, request: control.Request, verb: Verb) -> _Reply:
        undelivered = None
        try:
            result = await verb(request.args)
            if isinstance(result, Parcel):
                result, undelivered = result
            raw = msgspec.Raw(control.encode(result))
        except ClusterError as error:
            return _failed(request.id, error)
        except Exception as error:
            log.exception("control request %s failed", request.verb)
            kind = type(error).__name__
            return _failed(
                request.id, ClusterError(f"{request.verb} failed ({kind})", "see coordinator.log")
            )
        return _Reply(control.Response(id=request.id, ok=True, result=raw), undelivered)


def _failed(number: int, error: ClusterError) -> _Reply:
    return _Reply(control.Response(id=number, ok=False, error=control.failure_of(error)))
