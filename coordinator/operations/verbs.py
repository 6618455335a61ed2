"""The verbs that begin long operations: restart, refresh, scale, reshard; and `operation`, which
follows one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Self

from cluster.errors import ClusterError
from cluster.wire.operations import RefreshArgs, ReshardArgs, RestartArgs, ScaleArgs
from cluster.wire.status import Operation
from coordinator.context import RunContext
from coordinator.identifies.guarded_queue import GuardedQueue
from coordinator.operations.resharding import Resharding
from coordinator.operations.restarting import RollingRestart
from coordinator.operations.runner import OperationRunner
from coordinator.operations.scaling import Scaling
from coordinator.state.plan_keeper import PlanKeeper
from coordinator.verb import Verb, args_of
from coordinator.workers.parts import Workers


class OperationVerbs:
    """Begins what may be done to a running cluster, and follows it."""

    def __init__(
        self,
        operations: OperationRunner,
        restarting: RollingRestart,
        scaling: Scaling,
        resharding: Resharding,
    ) -> None:
        self._operations = operations
        self._restarting = restarting
        self._scaling = scaling
        self._resharding = resharding

    @classmethod
    def make(
        cls,
        operations: OperationRunner,
        context: RunContext,
        workers: Workers,
        identifies: GuardedQueue,
        plan_keeper: PlanKeeper,
        publish: Callable[[bytes], None],
        scaling: Scaling,
    ) -> Self:
        """Make them with all that they begin. publish: sends a message to the subscribers."""
        fleet, supervisor = workers.fleet, workers.supervisor
        return cls(
            operations,
            RollingRestart(fleet, supervisor, identifies),
            scaling,
            Resharding(context, fleet, supervisor, identifies, plan_keeper, publish),
        )

    def verbs(self) -> Mapping[str, Verb]:
        """Return the verbs by name."""
        return {
            "restart": self.restart,
            "refresh": self.refresh,
            "scale": self.scale,
            "reshard": self.reshard,
            "operation": self._operations.follow,
        }

    async def restart(self, args: dict[str, Any]) -> Operation:
        """Begin to restart a shard, a worker, or all workers. args: RestartArgs."""
        asked = args_of(args, RestartArgs)
        worker, shard = asked.worker, asked.shard
        if worker is not None and shard is not None:
            raise ClusterError("a worker and a shard are named", "name one of them")
        if worker is not None:
            kind = f"restart of worker {worker}"
            return self._operations.begin(kind, lambda _: self._restarting.worker(worker))
        if shard is not None:
            kind = f"restart of shard {shard}"
            return self._operations.begin(kind, lambda _: self._restarting.shard(shard))
        return self._operations.begin("rolling restart", self._restarting.rolling)

    async def refresh(self, args: dict[str, Any]) -> Operation:
        """Begin to let a shard identify anew. args: RefreshArgs."""
        shard = args_of(args, RefreshArgs).shard
        return self._operations.begin(
            f"refresh of shard {shard}", lambda _: self._restarting.refresh(shard)
        )

    async def scale(self, args: dict[str, Any]) -> Operation:
        """Begin to scale. args: ScaleArgs."""
        workers = args_of(args, ScaleArgs).workers
        return self._operations.begin(
            f"scale to {workers} workers",
            lambda progress: self._scaling.scale(workers, progress),
        )

    async def reshard(self, args: dict[str, Any]) -> Operation:
        """Begin to reshard. args: ReshardArgs."""
        asked = args_of(args, ReshardArgs)
        return self._operations.begin(
            f"reshard to {asked.shards or 'the recommended number of'} shards",
            lambda progress: self._resharding.reshard(asked.shards, asked.overlap_s, progress),
        )
