"""ControlClient: asks a running coordinator, one method a control request.

The command line uses it, and so may any program of the same user on the same host::

    async with ControlClient.find() as control:
        status = await control.status()

Commands for the gateway go by its doors (cluster.door)::

        await control.shard(3).update_presence("dnd")

A program that runs shards of the same bot by itself shares the identifies with the cluster::

        async with control.request_identify(shard_id=3, shard_count=8) as grant:
            await gateway.identify()
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, TypeVar

import msgspec
import zmq
import zmq.asyncio

from cluster.commands.checks import number, snowflake
from cluster.commands.member_chunks import NAMES
from cluster.control.shard_commands import AnswerWatcher, ShardCommands
from cluster.decode_errors import MALFORMED
from cluster.endpoints.curve_client import Handshakes, connect
from cluster.endpoints.curve_keys import ClientKeys, read_keys
from cluster.endpoints.discovery import find_cluster, named_endpoint
from cluster.endpoints.paths import Running, is_held
from cluster.endpoints.tcp import PREFIX
from cluster.errors import ClusterError, ConfigError, NotRunningError
from cluster.identify.request import Identify
from cluster.subscriber.progress_reporter import default_name
from cluster.subscriber.subscriber import Subscriber
from cluster.wire import control as wire
from cluster.wire.commands import Shards
from cluster.wire.control import Response, error_of
from cluster.wire.identifies import Budget, IdentifyAsk
from cluster.wire.operations import Follow
from cluster.wire.states import OperationState
from cluster.wire.status import ClusterStatus, Operation

log = logging.getLogger(__name__)

DEFAULT_TIMEOUT_S: Final = 5.0
LOOK_S: Final = 0.1
"""How soon it is noticed that the key is refused."""
PATIENCE_S: Final = 60.0
"""Longer than a coordinator takes to be restarted."""

Result = TypeVar("Result")
Say = Callable[[Operation], None]


class ControlClient:
    """A connection to a coordinator's control door.

    endpoint: ZeroMQ endpoint of its ROUTER socket ("ipc://..."), or of a cluster's control door on
    TCP; None: the one that the keys name.
    timeout: seconds that an answer may take before NotRunningError.
    lock: the coordinator's lock file, to tell "gone" from "does not answer"; None: unknown.
    keys: for TCP: the file that `dcgw-cluster keys add` made, or what is in it.

    Requests may be made concurrently; each waits for its own answer. Every method raises the
    ClusterError that the coordinator answered with. Use as an async context manager, or close().
    """

    def __init__(
        self,
        endpoint: str | None = None,
        *,
        timeout: float = DEFAULT_TIMEOUT_S,
        lock: Path | None = None,
        keys: ClientKeys | Path | str | None = None,
    ) -> None:
        """Raises ConfigError."""
        held = read_keys(keys)
        if endpoint is None:
            if held is None:
                raise ConfigError("no endpoint is given", "give one, or ControlClient.find()")
            endpoint = named_endpoint(held, "control")
        self.endpoint = endpoint
        self._timeout = timeout
        self._lock_file = lock
        self._next_id = 0
        self._asked: dict[int, asyncio.Future[Response]] = {}
        """What is under way, by request id."""
        self._reader: asyncio.Task[None] | None = None
        self._context = zmq.asyncio.Context()
        self._socket = self._context.socket(zmq.DEALER)
        self._socket.linger = 0
        self._socket.setsockopt(zmq.IMMEDIATE, 1)  # nothing is kept for a coordinator to come
        self._handshakes = Handshakes(self._socket, endpoint, held)
        self._keys = held
        self._answers = AnswerWatcher(self._subscriber, self.ping)
        try:
            connect(self._socket, endpoint, held)
        except BaseException:
            self.close()
            raise

    @classmethod
    def find(
        cls,
        name: str | None = None,
        *,
        timeout: float = DEFAULT_TIMEOUT_S,
        env: Mapping[str, str] = os.environ,
    ) -> ControlClient:
        """Return a client of the one cluster that runs on this host, or of the one of this name.

        Raises what `find_cluster` of cluster.endpoints.discovery does.
        """
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
        if self._reader is not None:
            self._reader.cancel()
        closed = ClusterError("the connection to the coordinator was closed")
        self._fail(closed)
        self._answers.close(closed)
        self._handshakes.close()
        self._context.destroy(linger=0)

    def __del__(self) -> None:
        # ZeroMQ ends a context by waiting for its sockets, which the collector may leave for last.
        if hasattr(self, "_handshakes") and not self._context.closed:
            self._handshakes.close()
            self._socket.close(linger=0)
            warnings.warn(f"{self!r} was not closed", ResourceWarning, stacklevel=2, source=self)

    async def ping(self) -> None:
        """Return once the coordinator answered."""
        await self._ask("ping", object)

    async def status(self) -> ClusterStatus:
        """The state of the cluster, its workers and its shards at this moment."""
        return await self._ask("status", ClusterStatus)

    async def stop(self, *, logout: bool = False, keep_workers: bool = False) -> None:
        """Ask the cluster to stop; returns when it has begun to. It is gone when its lock is free.

        logout: end the sessions at Discord instead of leaving them resumable. keep_workers: only
        the coordinator ends; the workers and their sessions go on for `adopt_seconds`, and the
        next start takes them over.
        """
        await self._ask("stop", object, {"logout": logout, "keep_workers": keep_workers})

    async def restart_rolling(self, say: Say | None = None) -> str:
        """Restart all workers, one by one: no event is lost, no identify spent. Returns what was
        done when it is. say: called with how far it is, as it goes on."""
        return await self._operate("restart", {}, say)

    async def restart_worker(self, worker: int, say: Say | None = None) -> str:
        """Restart the worker of one slot; its sessions are resumed."""
        return await self._operate("restart", {"worker": worker}, say)

    async def restart_shard(self, shard: int, say: Say | None = None) -> str:
        """Resume one shard on another connection; one that has given up tries anew."""
        return await self._operate("restart", {"shard": shard}, say)

    async def scale(self, workers: int, say: Say | None = None) -> str:
        """Let so many workers carry the shards, which move without a loss and without an
        identify."""
        return await self._operate("scale", {"workers": workers}, say)

    async def reshard(self, shards: int, overlap_s: float = 10.0, say: Say | None = None) -> str:
        """Another shard count, while the cluster runs: the new shards are identified beside the old
        ones, both publish for overlap_s seconds, then the old ones log out. shards: 0: as many as
        Discord recommends. BudgetError: not enough identifies are left."""
        return await self._operate("reshard", {"shards": shards, "overlap_s": overlap_s}, say)

    async def _operate(self, verb: str, args: dict[str, Any], say: Say | None) -> str:
        """Begin a long operation and follow it to its end. ClusterError: why it failed; or the
        coordinator was restarted meanwhile, and how far it came is to be seen in `status`."""
        now = await self._ask(verb, Operation, args)
        while now.state is OperationState.RUNNING:
            if say is not None:
                say(now)
            follow = Follow(id=now.id, known=now.text, done=now.done)
            try:
                now = await self.exchange(
                    "operation", Operation, wire.as_args(follow), self._timeout
                )
            except TimeoutError:
                raise ClusterError(
                    f"the coordinator went away during the {now.kind}",
                    "once it is back, `dcgw-cluster status` shows how far it came",
                ) from None
        if now.failure is not None:
            raise error_of(now.failure)
        return now.text

    async def shards(self) -> Shards:
        """The shards that take commands now."""
        return await self._ask("shards", Shards)

    def shard(self, shard_id: int) -> ShardCommands:
        """The commands of a shard: `await control.shard(3).update_presence("dnd")`. CommandError if
        that can't be the number of one."""
        return ShardCommands(self, self._answers, shard=number("shard_id", shard_id))

    def guild(self, guild_id: int) -> ShardCommands:
        """The commands of the shard that has a guild."""
        return ShardCommands(self, self._answers, guild=int(snowflake("guild_id", guild_id)))

    async def _subscriber(self) -> Subscriber:
        """Of the events that answer commands."""
        if self._keys is not None:
            return Subscriber(events=NAMES, keys=self._keys)
        status = await self.status()
        hub, replay = status.hub_endpoint, status.replay_endpoint
        return Subscriber(hub, NAMES, replay=replay, control=self.endpoint)

    def request_identify(
        self,
        shard_id: int,
        shard_count: int = 0,
        *,
        who: str = "",
        patience: float | None = PATIENCE_S,
    ) -> Identify:
        """Leave to identify a shard of the cluster's bot from outside, in the cluster's own line
        and out of its budget: an async context manager, entered when the turn has come.

        shard_count: 0 if it does not matter to whoever reads `status`. who: as `status` shows it;
        empty: this program and its pid. patience: seconds that the coordinator may be silent (it is
        restarted, say) before NotRunningError; None: for ever. The wait itself has no bound.
        """
        program = who or f"{default_name()} (pid {os.getpid()})"
        ask = IdentifyAsk(
            ticket=secrets.token_hex(8),
            shard_id=shard_id,
            shard_count=shard_count,
            who=program[:80],
        )
        return self.identify(ask, patience=patience)

    def identify(self, ask: IdentifyAsk, *, patience: float | None) -> Identify:
        """As `request_identify`, with all that can be said."""
        return Identify(self, ask, patience=patience)

    async def identify_budget(self, asker: str = "") -> Budget:
        """What is left of the identifies. asker: whose wait is told in it."""
        return await self._ask("identify_budget", Budget, {"asker": asker})

    async def _ask(
        self, verb: str, kind: type[Result], args: dict[str, Any] | None = None
    ) -> Result:
        try:
            return await self.exchange(verb, kind, args or {}, self._timeout)
        except TimeoutError:
            raise self.no_answer(self._timeout) from None

    async def exchange(
        self, verb: str, kind: type[Result], args: dict[str, Any], seconds: float
    ) -> Result:
        """One request and its answer. TimeoutError: none came in so many seconds."""
        if self._reader is None or self._reader.done():
            self._reader = asyncio.create_task(self._read(), name=f"answers of {self.endpoint}")
        request = self._request(verb, args)
        answer = self._asked[request.id] = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(seconds):
                await self._until(asyncio.ensure_future(self._socket.send(wire.encode(request))))
                response = await self._until(answer)
        finally:
            del self._asked[request.id]
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

    async def _until(self, done: asyncio.Future[Result]) -> Result:
        """Its result. KeyRefusedError as soon as the key is refused: no answer would ever come."""
        try:
            while not done.done():
                if (refusal := self._handshakes.refusal()) is not None:
                    raise refusal
                await asyncio.wait([done], timeout=LOOK_S if self._handshakes.watching else None)
        finally:
            done.cancel()
        return done.result()

    def ask_again(self) -> None:
        """The coordinator was restarted: what is under way gets no answer (TimeoutError)."""
        self._fail(TimeoutError())

    def tell(self, verb: str, args: dict[str, Any]) -> None:
        """One request of which no answer is awaited; lost if nobody is there."""
        if self._socket.closed:
            return
        sent: asyncio.Future[Any] = asyncio.ensure_future(
            self._socket.send(wire.encode(self._request(verb, args)), zmq.NOBLOCK)
        )
        if (error := sent.exception()) is not None:  # NOBLOCK: it is done
            log.debug("%s was not told: %s", verb, error)

    def _request(self, verb: str, args: dict[str, Any]) -> wire.Request:
        self._next_id += 1
        return wire.Request(id=self._next_id, verb=verb, args=args)

    async def _read(self) -> None:
        """Hand answers to who asked; those to requests that were given up are passed over."""
        try:
            while True:
                frame = await self._socket.recv()
                try:
                    response = wire.decode_response(frame)
                except MALFORMED as error:
                    self._fail(
                        ClusterError(
                            f"what answers at {self.endpoint} is no coordinator of this version "
                            f"({error})",
                            "restart the cluster with this version",
                        )
                    )
                    continue
                answer = self._asked.get(response.id)
                if answer is not None and not answer.done():
                    answer.set_result(response)
        except zmq.ZMQError as error:
            self._fail(ClusterError(f"the connection to the coordinator broke ({error})"))

    def _fail(self, error: Exception) -> None:
        for answer in self._asked.values():
            if not answer.done():
                answer.set_exception(error)

    def no_answer(self, seconds: float) -> ClusterError:
        """What it means that no answer came for so long."""
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
