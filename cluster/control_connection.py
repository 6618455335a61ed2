"""The connection to a coordinator's control endpoint: requests go out, answers find who asked."""

from __future__ import annotations

import asyncio
import logging
import warnings
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec
import zmq
import zmq.asyncio

from cluster.decode_errors import MALFORMED
from cluster.endpoints.curve_client import Handshakes, connect
from cluster.endpoints.curve_keys import ClientKeys
from cluster.endpoints.paths import is_held
from cluster.endpoints.tcp import PREFIX
from cluster.errors import ClusterError, NotRunningError
from cluster.loops import check_loop
from cluster.wire import control as wire
from cluster.wire.control import Response, error_of

log = logging.getLogger(__name__)

LOOK_S: Final = 0.1
"""How soon it is noticed that the key is refused."""

Result = TypeVar("Result")


class ControlConnection:
    """One DEALER socket; requests may overlap, each waits for its own answer. ``close`` it."""

    def __init__(
        self, endpoint: str, keys: ClientKeys | None = None, lock_file: Path | None = None
    ) -> None:
        """lock_file: the coordinator's, to tell "gone" from "does not answer"; None: unknown.
        Raises ConfigError."""
        self.endpoint = endpoint
        self._lock_file = lock_file
        self._next_id = 0
        self._answers: dict[int, asyncio.Future[Response]] = {}
        """The answers that are awaited, by request id."""
        self._reader: asyncio.Task[None] | None = None
        self._context = zmq.asyncio.Context()
        self._socket = self._context.socket(zmq.DEALER)
        self._socket.linger = 0
        self._socket.setsockopt(zmq.IMMEDIATE, 1)  # nothing is kept for a coordinator to come
        self._handshakes = Handshakes(self._socket, endpoint, keys)
        try:
            connect(self._socket, endpoint, keys)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the socket; what is under way fails with `closed_error`."""
        if self._reader is not None:
            self._reader.cancel()
        self._fail(self.closed_error())
        self._handshakes.close()
        self._context.destroy(linger=0)

    def __del__(self) -> None:
        # ZeroMQ ends a context by waiting for its sockets, which the collector may leave for last.
        if hasattr(self, "_handshakes") and not self._context.closed:
            self._handshakes.close()
            self._socket.close(linger=0)
            warnings.warn(f"{self!r} was not closed", ResourceWarning, stacklevel=2, source=self)

    async def exchange(
        self, verb: str, kind: type[Result], args: dict[str, Any], seconds: float
    ) -> Result:
        """Send one request and return its answer. TimeoutError: none came in so many seconds.
        ClusterError: the coordinator's, or its answer is not understood, or the connection is
        closed."""
        if self._socket.closed:
            raise self.closed_error()
        if self._reader is None or self._reader.done():
            self._reader = asyncio.create_task(self._read(), name=f"answers of {self.endpoint}")
        else:
            check_loop(self._reader.get_loop(), "the ControlClient")
        request = self._request(verb, args)
        answer = self._answers[request.id] = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(seconds):
                await self._until(asyncio.ensure_future(self._socket.send(wire.encode(request))))
                response = await self._until(answer)
        except zmq.ZMQError as error:
            raise _broken(error) from error
        finally:
            del self._answers[request.id]
            if not answer.cancel() and not answer.cancelled():
                answer.exception()  # nobody else may come to see it, and asyncio would complain
        if response.error is not None:
            raise error_of(response.error)
        try:
            return msgspec.msgpack.decode(response.result, type=kind)
        except MALFORMED as error:
            raise ClusterError(
                f"the coordinator's answer to {verb} is not understood ({error})",
                "it is of another version: restart the cluster with this one",
            ) from None

    def notify(self, verb: str, args: dict[str, Any]) -> None:
        """Send one request of which no answer is awaited; it is lost if nobody is there."""
        if self._socket.closed:
            return
        sent: asyncio.Future[Any] = asyncio.ensure_future(
            self._socket.send(wire.encode(self._request(verb, args)), zmq.NOBLOCK)
        )
        if (error := sent.exception()) is not None:  # NOBLOCK: it is done
            log.debug("%s was not sent: %s", verb, error)

    def ask_again(self) -> None:
        """The coordinator was restarted: what is under way gets no answer (TimeoutError)."""
        self._fail(TimeoutError())

    def _request(self, verb: str, args: dict[str, Any]) -> wire.Request:
        self._next_id += 1
        return wire.Request(id=self._next_id, verb=verb, args=args)

    async def _until(self, done: asyncio.Future[Result]) -> Result:
        """Return its result. KeyRefusedError as soon as the key is refused: no answer would ever
        come. ClusterError: the connection was closed meanwhile."""
        try:
            while not done.done():
                if (refusal := self._handshakes.refusal()) is not None:
                    raise refusal
                await asyncio.wait([done], timeout=LOOK_S if self._handshakes.watching else None)
            if done.cancelled():  # a send that waited for room: pyzmq cancels it with the socket
                raise self.closed_error()
        finally:
            done.cancel()
        return done.result()

    def closed_error(self) -> ClusterError:
        """Return the error of whoever asks, or waits, where this was closed. No ClientClosedError:
        a GatewayClient that identifies through this one would seem to have been shut down."""
        return ClusterError(
            f"the connection to {self.endpoint} was closed", "ask through one that is open"
        )

    async def _read(self) -> None:
        """Hand answers to who asked; those to requests that were given up are passed over."""
        try:
            while True:
                self._answered(await self._socket.recv())
        except zmq.ZMQError as error:
            self._fail(_broken(error))

    def _answered(self, frame: bytes) -> None:
        try:
            response = wire.decode_response(frame)
        except MALFORMED as error:
            self._fail(
                ClusterError(
                    f"what answers at {self.endpoint} is no coordinator of this version ({error})",
                    "restart the cluster with this version",
                )
            )
            return
        answer = self._answers.get(response.id)
        if answer is not None and not answer.done():
            answer.set_result(response)

    def _fail(self, error: Exception) -> None:
        for answer in self._answers.values():
            if not answer.done():
                answer.set_exception(error)

    def no_answer(self, seconds: float) -> ClusterError:
        """Return what it means that no answer came for so long."""
        if self._lock_file is not None and is_held(self._lock_file):
            return ClusterError(
                f"the coordinator did not answer within {seconds:.3g} s",
                f"look at {self._lock_file.parent / 'logs' / 'coordinator.log'}",
            )
        if self.endpoint.startswith(PREFIX):
            return self._no_answer_on_tcp(seconds)
        return NotRunningError("the cluster has stopped", "start it with `dcgw-cluster start`")

    def _no_answer_on_tcp(self, seconds: float) -> ClusterError:
        self._handshakes.read()
        if self._handshakes.broken:
            return NotRunningError(
                f"{self.endpoint} breaks the handshake off",
                "is it the cluster that the key file is of, with the server keys of then?",
            )
        return NotRunningError(
            f"nothing answers at {self.endpoint} within {seconds:.3g} s",
            "does the cluster run there, with tcp.control set, and no firewall between?",
        )


def _broken(error: zmq.ZMQError) -> ClusterError:
    return ClusterError(f"the connection to the coordinator broke ({error})")
