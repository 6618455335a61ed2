"""The verbs of the control door: ping, status, stop, subscriber, and the TCP gate's own."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

import cluster
from cluster.config.coordinator_spec import CoordinatorSpec
from cluster.errors import ClusterError
from cluster.wire.states import ClusterState, OperationState, WorkerState
from cluster.wire.status import BudgetStatus, ClusterStatus, GateReport, SubscriberReport
from coordinator.account import ApiAccount
from coordinator.control.subscribers import Subscribers
from coordinator.hub.hub import Hub
from coordinator.identifies.queue import GrantQueue
from coordinator.operations.runner import OperationRunner
from coordinator.sharding.assignments import Assignments
from coordinator.verb import Verb, args_of
from coordinator.workers.reports import WorkerReports
from coordinator.workers.supervisor import Supervisor

OWN: Final = 1
"""Connections to the hub that are the coordinator's own: LastOut."""
OF_GATE: Final = 1
GATE_SILENT_S: Final = 10.0
"""A gate that says nothing for so long is not there."""


class ControlVerbs:
    """What may be asked of a running coordinator."""

    def __init__(
        self,
        spec: CoordinatorSpec,
        account: ApiAccount,
        assignments: Assignments,
        reports: WorkerReports,
        identifies: GrantQueue,
        hold: Callable[[], str],
        supervisor: Supervisor,
        hub: Hub,
        operations: OperationRunner,
        troubles: Callable[[], list[str]],
        *,
        store_id: str,
        gateway_url: str,
        stop: Callable[[bool, bool], None],
        stopping: Callable[[], bool],
        clock: Callable[[], float],
    ) -> None:
        """troubles: what is wrong with parts that this does not know. stop: begins to stop,
        with whether to log out, and whether to let the workers go on. clock: monotonic seconds."""
        self._spec = spec
        self._account = account
        self._assignments = assignments
        self._reports = reports
        self._identifies = identifies
        self._hold = hold
        self._supervisor = supervisor
        self._hub = hub
        self._operations = operations
        self._troubles = troubles
        self._subscribers = Subscribers()
        self._store_id = store_id
        self._gateway_url = gateway_url
        self._stop = stop
        self._stopping = stopping
        self._clock = clock
        self._started = clock()
        self._gate_report: GateReport | None = None
        self._gate_at = 0.0

    def table(self) -> Mapping[str, Verb]:
        """By name."""
        return {
            "ping": self.ping,
            "status": self.status,
            "stop": self.stop,
            "subscriber": self.subscriber,
            "_gate": self.gate,
        }

    async def ping(self, args: dict[str, Any]) -> dict[str, int]:
        return {"pid": os.getpid()}

    async def stop(self, args: dict[str, Any]) -> dict[str, float]:
        """args: {logout: bool, keep_workers: bool}. Answered when it has begun; done within
        `seconds`."""
        keep = args.get("keep_workers") is True
        if keep and self._spec.on_sandbox:
            raise ClusterError("the sandbox of this cluster ends with its coordinator")
        operation = self._operations.status()
        if keep and operation is not None and operation.state is OperationState.RUNNING:
            raise ClusterError(f"a {operation.kind} is under way", "wait until it is done")
        self._stop(args.get("logout") is True, keep)
        return {"pid": os.getpid(), "seconds": self._spec.stop_seconds}

    async def subscriber(self, args: dict[str, Any]) -> None:
        """args: SubscriberReport."""
        self._subscribers.report(args_of(args, SubscriberReport), self._clock())

    async def gate(self, args: dict[str, Any]) -> None:
        """args: GateReport. The gate lets no client say it."""
        self._gate_report, self._gate_at = args_of(args, GateReport), self._clock()

    async def status(self, args: dict[str, Any]) -> ClusterStatus:
        now, reports, slots = self._clock(), self._reports, self._supervisor.slots
        subscribers = self._subscribers.rows(now)
        gate = self._gate_report if now - self._gate_at <= GATE_SILENT_S else None
        connections = len(self._hub.connections) - OWN
        if gate is not None and gate.events:
            connections += gate.subscribers - OF_GATE
        return ClusterStatus(
            name=self._spec.name,
            store_id=self._store_id,
            pid=os.getpid(),
            version=cluster.__version__,
            uptime_s=now - self._started,
            state=self.state(),
            shard_count=self._assignments.plan.shard_count,
            shards_ready=len(reports.ready(self._assignments.plan)),
            events=reports.events,
            events_per_s=reports.events_per_s(now),
            api_url=self._account.api_url,
            gateway_url=self._gateway_url,
            sandbox=self._spec.on_sandbox,
            account=self._spec.account,
            hub_endpoint=self._spec.paths.events,
            replay_endpoint=self._spec.paths.replay,
            workers=[reports.worker(slot, now) for slot in slots.values()],
            shards=reports.shards(slots, now),
            budget=self._budget(),
            subscribers=subscribers,
            subscribers_unknown=max(0, connections - len(subscribers)),
            operation=self._operations.status(),
            gate=gate,
            troubles=self._troubles(),
        )

    def _budget(self) -> BudgetStatus:
        budget = self._identifies.status()
        troubles = [text for text in (self._hold(), budget.trouble) if text]
        return msgspec.structs.replace(budget, trouble="; ".join(troubles))

    def state(self) -> ClusterState:
        """Return how the cluster is as a whole."""
        if self._stopping():
            return ClusterState.STOPPING
        slots, plan = self._supervisor.slots, self._assignments.plan
        running = all(slots[n].state is WorkerState.RUNNING for n in plan.slots if n in slots)
        if running and self._reports.all_ready(plan):
            return ClusterState.READY
        return ClusterState.DEGRADED if self._reports.was_ready else ClusterState.STARTING
