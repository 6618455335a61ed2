"""ControlClient: asks a running coordinator, one method a control request.

The command line uses it, and so may any program of the same user on the same host::

    async with ControlClient.find() as control:
        status = await control.status()

Commands for the gateway go through one shard (shard_commands.py)::

        await control.shard(3).update_presence("dnd")

A program that runs shards of the same bot by itself shares the identifies with the cluster::

        async with control.request_identify(shard_id=3, shard_count=8) as grant:
            await gateway.identify()
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar, overload

from cluster.commands.checks import number, snowflake
from cluster.commands.member_chunks import NAMES
from cluster.config.choice import chosen
from cluster.control.answer_watcher import AnswerWatcher
from cluster.control.shard_commands import ShardCommands
from cluster.control_connection import ControlConnection
from cluster.endpoints.curve_keys import ClientKeys, read_keys
from cluster.endpoints.discovery import find_cluster, named_endpoint
from cluster.endpoints.paths import LOCK, Running
from cluster.endpoints.waiting import checked_wait, when_running
from cluster.errors import ClusterError, ConfigError
from cluster.identify.request import Identify
from cluster.opening import Opening
from cluster.subscriber.progress_reporter import default_name
from cluster.subscriber.subscriber import Subscriber
from cluster.wire import control as wire
from cluster.wire.cache import CacheAsk, CachePage
from cluster.wire.commands import Shards
from cluster.wire.control import error_of
from cluster.wire.happenings import Happenings, HappeningsAsk
from cluster.wire.identifies import Budget, IdentifyAsk
from cluster.wire.operations import DrainArgs, Follow
from cluster.wire.states import OperationState
from cluster.wire.status import ClusterStatus, Operation

if TYPE_CHECKING:
    from cluster.control.cache_queries import CacheQueries

DEFAULT_TIMEOUT_S: Final = 5.0
PATIENCE_S: Final = 60.0
"""Longer than a coordinator takes to be restarted."""

Result = TypeVar("Result")
OnProgress = Callable[[Operation], None]


class ControlClient:
    """The requests that a running coordinator answers.

    endpoint: its control endpoint ("ipc://...", or "tcp://..." where it offers one to other hosts);
    None: the one that the keys name.
    timeout: seconds that an answer may take before NotRunningError.
    lock: the coordinator's lock file, to tell "gone" from "does not answer"; None: unknown.
    keys: for TCP: the file that `dcgw-cluster keys add` made, or what is in it.

    Requests may be made concurrently, on one event loop at a time; each waits for its own answer.
    Every method raises the ClusterError that the coordinator answered with, and one that says so
    once the client was closed. Use as an async context manager, or close().
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
        self.connection = ControlConnection(endpoint, held, lock)
        """What the requests go over; one that has no method here may be made with it."""
        self._timeout = timeout
        self._keys = held
        self._answers = AnswerWatcher(self._subscriber, self.ping)

    @overload
    @classmethod
    def find(
        cls,
        name: str | None = None,
        *,
        timeout: float = DEFAULT_TIMEOUT_S,
        env: Mapping[str, str] = os.environ,
        config: Path | str | None = None,
    ) -> ControlClient: ...

    @overload
    @classmethod
    def find(
        cls,
        name: str | None = None,
        *,
        timeout: float = DEFAULT_TIMEOUT_S,
        env: Mapping[str, str] = os.environ,
        config: Path | str | None = None,
        wait: float,
    ) -> Opening[ControlClient]: ...

    @classmethod
    def find(
        cls,
        name: str | None = None,
        *,
        timeout: float = DEFAULT_TIMEOUT_S,
        env: Mapping[str, str] = os.environ,
        config: Path | str | None = None,
        wait: float | None = None,
    ) -> ControlClient | Opening[ControlClient]:
        """Return a client of the one cluster that runs on this host, or of the one of this name.

        wait: seconds that it may take until it runs; math.inf: for ever. With it, what is returned
        is awaited, or entered by `async with`, which gives the client.
        config: its configuration file (DCGW_CONFIG names one, too): which is meant where several
        run, and where its folders are.
        Raises ConfigError, and what `find_cluster` of cluster.endpoints.discovery does.
        """
        choice = chosen(config, env)
        look = partial(find_cluster, name, choice.env, preferred=choice.name)
        if wait is None:
            return cls.from_running(look(), timeout=timeout)
        seconds = checked_wait(wait)

        async def found() -> ControlClient:
            what = "a cluster of this host" if name is None else f"cluster {name}"
            running = await when_running(look, seconds, what=what)
            return cls.from_running(running, timeout=timeout)

        async def close(client: ControlClient) -> None:
            client.close()

        return Opening("find()", found, close)

    @classmethod
    def from_running(cls, running: Running, *, timeout: float = DEFAULT_TIMEOUT_S) -> ControlClient:
        """Return a client of this running cluster."""
        lock = Path(running.state_dir) / LOCK
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
        self.connection.close()
        self._answers.close(self.connection.closed_error())

    async def ping(self) -> None:
        """Return once the coordinator answered."""
        await self._ask("ping", object)

    async def status(self) -> ClusterStatus:
        """Return the state of the cluster, its workers and its shards at this moment."""
        return await self._ask("status", ClusterStatus)

    async def happenings(self, after: int = 0) -> Happenings:
        """Return what happened lately and came after the happening of this number, the oldest
        first: the last hundred at most."""
        return await self._ask("happenings", Happenings, wire.as_args(HappeningsAsk(after=after)))

    async def stop(self, *, logout: bool = False, keep_workers: bool = False) -> None:
        """Ask the cluster to stop; returns when it has begun to. It is gone when its lock is free.

        logout: end the sessions at Discord instead of leaving them resumable. keep_workers: only
        the coordinator ends; the workers and their sessions go on for `adopt_seconds`, and the
        next start takes them over.
        """
        await self._ask("stop", object, {"logout": logout, "keep_workers": keep_workers})

    async def restart_rolling(self, on_progress: OnProgress | None = None) -> str:
        """Restart all workers, one by one: no event is lost, no identify spent. Returns what was
        done when it is. on_progress: called with how far it is, as it goes on."""
        return await self._operate("restart", {}, on_progress)

    async def restart_worker(self, worker: int, on_progress: OnProgress | None = None) -> str:
        """Restart the worker of one slot; its sessions are resumed."""
        return await self._operate("restart", {"worker": worker}, on_progress)

    async def restart_shard(self, shard: int, on_progress: OnProgress | None = None) -> str:
        """Resume one shard on another connection; one that has given up tries anew."""
        return await self._operate("restart", {"shard": shard}, on_progress)

    async def refresh_shard(self, shard: int, on_progress: OnProgress | None = None) -> str:
        """Let one shard end its session and identify anew, which spends an identify, so that all of
        its guilds come once more. What happens between its two sessions nobody sees: a Gap says so
        (`session_lost`). BudgetError: no identify is left."""
        return await self._operate("refresh", {"shard": shard}, on_progress)

    async def scale(self, workers: int, on_progress: OnProgress | None = None) -> str:
        """Let so many workers carry the shards, which move without losing an event and without
        spending an identify."""
        return await self._operate("scale", {"workers": workers}, on_progress)

    async def drain(
        self, host: str, on_progress: OnProgress | None = None, *, undo: bool = False
    ) -> str:
        """Move all shards away from a host, which gets no new ones until this is undone; no event
        is lost, no identify spent. undo: let it get workers again."""
        args = wire.as_args(DrainArgs(host=host, undo=undo))
        return await self._operate("drain", args, on_progress)

    async def reshard(
        self, shards: int, overlap_s: float = 10.0, on_progress: OnProgress | None = None
    ) -> str:
        """Change the shard count while the cluster runs: the new shards are identified beside the
        old ones, both publish for overlap_s seconds, then the old ones log out. shards: 0: as many
        as Discord recommends. BudgetError: not enough identifies are left."""
        return await self._operate(
            "reshard", {"shards": shards, "overlap_s": overlap_s}, on_progress
        )

    async def _operate(
        self, verb: str, args: dict[str, Any], on_progress: OnProgress | None
    ) -> str:
        """Begin a long operation and follow it to its end. ClusterError: why it failed; or the
        coordinator was restarted meanwhile, and how far it came is to be seen in `status`."""
        now = await self._ask(verb, Operation, args)
        while now.state is OperationState.RUNNING:
            if on_progress is not None:
                on_progress(now)
            follow = Follow(id=now.id, known=now.text, done=now.done)
            try:
                now = await self.connection.exchange(
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

    @property
    def cache(self) -> CacheQueries:
        """What the cluster keeps of the bot's guilds: `await control.cache.guild(guild_id)`."""
        from cluster.control.cache_queries import CacheQueries  # for those who ask

        return CacheQueries(self._ask_cache)

    async def _ask_cache(self, ask: CacheAsk) -> CachePage:
        return await self._ask("cache", CachePage, wire.as_args(ask))

    async def shards(self) -> Shards:
        """Return the shards that take commands now."""
        return await self._ask("shards", Shards)

    def shard(self, shard_id: int) -> ShardCommands:
        """Return the commands of a shard: `await control.shard(3).update_presence("dnd")`.
        CommandError if that can't be the number of one."""
        return self._commands(shard=number("shard_id", shard_id))

    def guild(self, guild_id: int) -> ShardCommands:
        """Return the commands of the shard that has a guild."""
        return self._commands(guild=int(snowflake("guild_id", guild_id)))

    def _commands(self, *, shard: int | None = None, guild: int | None = None) -> ShardCommands:
        return ShardCommands(self.connection, self._answers, self.ping, shard=shard, guild=guild)

    async def _subscriber(self) -> Subscriber:
        """Return one for the events that answer commands."""
        if self._keys is not None:
            return Subscriber(events=NAMES, keys=self._keys)
        status = await self.status()
        return Subscriber(status.hubs, NAMES, replay=status.replay_endpoint, control=self.endpoint)

    def request_identify(
        self,
        shard_id: int,
        shard_count: int = 0,
        *,
        who: str = "",
        patience: float | None = PATIENCE_S,
    ) -> Identify:
        """Return leave to identify a shard of the cluster's bot from outside, in the cluster's own
        queue and out of its budget: an async context manager, entered when the turn has come.

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
        """Return an Identify for a question with all its fields; see `request_identify`."""
        return Identify(self.connection, ask, patience=patience)

    async def identify_budget(self, asker: str = "") -> Budget:
        """Return what is left of the identifies. asker: store id of the cluster whose own wait is
        told in it."""
        return await self._ask("identify_budget", Budget, {"asker": asker})

    async def _ask(
        self, verb: str, kind: type[Result], args: dict[str, Any] | None = None
    ) -> Result:
        try:
            return await self.connection.exchange(verb, kind, args or {}, self._timeout)
        except TimeoutError:
            raise self.connection.no_answer(self._timeout) from None
