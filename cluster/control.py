"""ControlClient: asks a running coordinator, one method a control request.

The command line uses it, and so may any program of the same user on the same host::

    async with ControlClient.find() as control:
        status = await control.status()
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, TypeVar

import msgspec
import zmq
import zmq.asyncio

from cluster import errors
from cluster.errors import ClusterError, NotRunningError
from cluster.wire import control as wire
from cluster.wire.control import ClusterStatus, Failure, Response
from cluster.wire.places import Running, is_held, running_clusters

DEFAULT_TIMEOUT_S: Final = 5.0

Result = TypeVar("Result")


def find_cluster(name: str | None = None, env: Mapping[str, str] = os.environ) -> Running:
    """The one cluster that runs on this host, or the one of this name. NotRunningError for none,
    ClusterError when several run and no name was given."""
    running = running_clusters(env)
    if name is not None:
        for cluster in running:
            if cluster.name == name:
                return cluster
        others = ", ".join(cluster.name for cluster in running)
        raise NotRunningError(
            f"no cluster named {name!r} is running",
            f"running: {others}" if others else "start it with `dcgw-cluster start`",
        )
    if not running:
        raise NotRunningError("no cluster is running", "start one with `dcgw-cluster start`")
    if len(running) > 1:
        names = ", ".join(cluster.name for cluster in running)
        raise ClusterError(f"{len(running)} clusters are running", f"give --name, one of: {names}")
    return running[0]


class ControlClient:
    """A connection to a coordinator's control door.

    endpoint: ZeroMQ endpoint of its ROUTER socket ("ipc://...").
    timeout: seconds that an answer may take before NotRunningError.
    lock: the coordinator's lock file, to tell "gone" from "does not answer"; None: unknown.

    Requests may be made concurrently; each waits for its own answer. Every method raises the
    ClusterError that the coordinator answered with. Use as an async context manager, or close().
    """

    def __init__(
        self, endpoint: str, *, timeout: float = DEFAULT_TIMEOUT_S, lock: Path | None = None
    ) -> None:
        self.endpoint = endpoint
        self._timeout = timeout
        self._lock_file = lock
        self._turn = asyncio.Lock()
        self._next_id = 0
        self._context = zmq.asyncio.Context()
        self._socket = self._context.socket(zmq.DEALER)
        self._socket.linger = 0
        self._socket.connect(endpoint)

    @classmethod
    def find(
        cls,
        name: str | None = None,
        *,
        timeout: float = DEFAULT_TIMEOUT_S,
        env: Mapping[str, str] = os.environ,
    ) -> ControlClient:
        """A client of the cluster that runs on this host; see find_cluster."""
        return cls.of(find_cluster(name, env), timeout=timeout)

    @classmethod
    def of(cls, running: Running, *, timeout: float = DEFAULT_TIMEOUT_S) -> ControlClient:
        """A client of this running cluster."""
        lock = Path(running.state_dir) / "coordinator.lock"
        return cls(running.control_endpoint, timeout=timeout, lock=lock)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the socket; what is under way fails."""
        self._context.destroy(linger=0)

    async def ping(self) -> None:
        """Return once the coordinator answered."""
        await self._ask("ping", object)

    async def status(self) -> ClusterStatus:
        """The state of the cluster, its workers and its shards at this moment."""
        return await self._ask("status", ClusterStatus)

    async def stop(self, *, logout: bool = False) -> None:
        """Ask the cluster to stop; returns when it has begun to. It is gone when its lock is free.

        logout: end the sessions at Discord instead of leaving them resumable.
        """
        await self._ask("stop", object, {"logout": logout})

    async def _ask(
        self, verb: str, kind: type[Result], args: dict[str, Any] | None = None
    ) -> Result:
        async with self._turn:
            self._next_id += 1
            request = wire.Request(id=self._next_id, verb=verb, args=args or {})
            try:
                async with asyncio.timeout(self._timeout):
                    await self._socket.send(wire.encode(request))
                    response = await self._answer_to(request.id)
            except TimeoutError:
                raise self._no_answer() from None
        if response.error is not None:
            raise error_of(response.error)
        try:
            return msgspec.msgpack.decode(response.result, type=kind)
        except msgspec.DecodeError as error:
            raise ClusterError(
                f"the coordinator's answer to {verb} is not understood ({error})",
                "it is of another version: restart the cluster with this one",
            ) from None

    async def _answer_to(self, request_id: int) -> Response:
        """Answers to earlier requests, which were given up, are passed over."""
        while True:
            frame = await self._socket.recv()
            try:
                response = wire.decode_response(frame)
            except msgspec.DecodeError as error:
                raise ClusterError(
                    f"what answers at {self.endpoint} is no coordinator of this version ({error})",
                    "restart the cluster with this version",
                ) from None
            if response.id == request_id:
                return response

    def _no_answer(self) -> ClusterError:
        if self._lock_file is not None and is_held(self._lock_file):
            return ClusterError(
                f"the coordinator did not answer within {self._timeout:g} s",
                f"look at {self._lock_file.parent / 'logs' / 'coordinator.log'}",
            )
        return NotRunningError("the cluster has stopped", "start it with `dcgw-cluster start`")


def error_of(failure: Failure) -> ClusterError:
    """The error that a coordinator told of, as its class of cluster.errors."""
    kind = getattr(errors, failure.kind, ClusterError)
    if not (isinstance(kind, type) and issubclass(kind, ClusterError)):
        kind = ClusterError
    return kind(failure.cause, failure.action)
