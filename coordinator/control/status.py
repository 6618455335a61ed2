"""The verb status, and those by which subscribers and the TCP gate report what it shows."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any, Final

import cluster
from cluster import process_stats
from cluster.wire.happenings import Happenings, HappeningsAsk
from cluster.wire.proxies import ProxyFacts
from cluster.wire.states import ClusterState, SessionState
from cluster.wire.status import (
    CacheReport,
    ClusterStatus,
    CommandStatus,
    GateReport,
    HostGateReport,
    HubReport,
    SubscriberReport,
)
from coordinator.context import RunContext
from coordinator.control.away_hosts import not_heard
from coordinator.control.proxies import Proxies, proxy_troubles
from coordinator.control.subscribers import Subscribers
from coordinator.control.warnings import Warnings
from coordinator.happenings.record import HappeningRecord
from coordinator.identifies.guarded_queue import GuardedQueue
from coordinator.lifetime import Lifetime
from coordinator.operations.runner import OperationRunner
from coordinator.verb import Verb, args_of
from coordinator.workers.fleet import Fleet

OWN_CONNECTIONS: Final = 1
"""Connections to each hub that are the coordinator's own: LastOut."""
GATE_CONNECTIONS: Final = 1
"""Connections to each hub that are the TCP gate's own."""
GATE_SILENT_S: Final = 10.0
"""A gate that says nothing for so long is not there."""


class StatusVerbs:
    """Tells what the cluster is doing."""

    def __init__(
        self,
        context: RunContext,
        fleet: Fleet,
        identifies: GuardedQueue,
        operations: OperationRunner,
        connections: Callable[[], int],
        hubs: Callable[[], list[HubReport]],
        commands: Callable[[], list[CommandStatus]],
        troubles: Callable[[], list[str]],
        cache: Callable[[], CacheReport | None],
        http: Callable[[], str],
        proxy: Callable[[], str],
        lifetime: Lifetime,
        record: HappeningRecord,
    ) -> None:
        """connections: how many are connected to hear all events. hubs: what those say of
        themselves that are processes. commands: those that were
        given to the cluster. troubles: what is wrong with parts that this does not know. cache:
        what the cache says of itself. http, proxy: where HTTP is served, and the gateway proxy
        listens."""
        self._context = context
        self._fleet = fleet
        self._identifies = identifies
        self._operations = operations
        self._connections = connections
        self._hubs = hubs
        self._commands = commands
        self._troubles = troubles
        self._cache = cache
        self._http = http
        self._proxy = proxy
        self._lifetime = lifetime
        self._warnings = Warnings(
            context.spec.journal.bytes,
            context.spec.identify.reserve,
            sandbox=context.spec.on_sandbox,
            version=cluster.__version__,
        )
        self._record = record
        self.subscribers = Subscribers(context.spec.intents, context.spec.account, record)
        self.proxies = Proxies(self._proxy_facts, context.clock)
        self._started = context.clock()
        self._gate_report: GateReport | None = None
        self._gate_reported_at = 0.0
        self._host_gate_report: HostGateReport | None = None
        self._host_gate_reported_at = 0.0

    def verbs(self) -> Mapping[str, Verb]:
        """Return the verbs by name."""
        return {
            "status": self.status,
            "happenings": self.happenings,
            "subscriber": self.subscriber,
            "_gate": self.gate,
            "_host_gate": self.host_gate,
            **self.proxies.verbs(),
        }

    async def happenings(self, args: dict[str, Any]) -> Happenings:
        """Tell what happened lately. args: HappeningsAsk."""
        return self._record.since(args_of(args, HappeningsAsk).after)

    async def subscriber(self, args: dict[str, Any]) -> None:
        """Take a subscriber's report of itself. args: SubscriberReport."""
        self.subscribers.report(args_of(args, SubscriberReport), self._context.clock())

    async def gate(self, args: dict[str, Any]) -> None:
        """Take the TCP gate's report; it lets no client say this. args: GateReport."""
        self._gate_report = args_of(args, GateReport)
        self._gate_reported_at = self._context.clock()

    async def host_gate(self, args: dict[str, Any]) -> None:
        """Take the host gate's report. args: HostGateReport."""
        self._host_gate_report = args_of(args, HostGateReport)
        self._host_gate_reported_at = self._context.clock()

    def _proxy_facts(self) -> ProxyFacts:
        plan, intents = self._fleet.assignments.plan, self._context.spec.intents
        return ProxyFacts(shard_count=plan.shard_count, intents=intents)

    async def status(self, args: dict[str, Any]) -> ClusterStatus:
        """Tell how the cluster is. No args."""
        spec, now = self._context.spec, self._context.clock()
        plan, reports, slots = self._fleet.assignments.plan, self._fleet.reports, self._fleet.slots
        subscribers = self.subscribers.rows(now)
        gate = self._gate_report if now - self._gate_reported_at <= GATE_SILENT_S else None
        host_gate = (
            self._host_gate_report if now - self._host_gate_reported_at <= GATE_SILENT_S else None
        )
        workers = [reports.worker(slot, now) for _, slot in sorted(slots.items())]
        hosts, workers, shards = not_heard(
            self._fleet.hosts(workers, now), workers, reports.shards(slots, now)
        )
        budget, proxies = self._identifies.status(), self.proxies.rows()
        return ClusterStatus(
            name=spec.name,
            store_id=self._context.store_id,
            pid=os.getpid(),
            version=cluster.__version__,
            uptime_s=now - self._started,
            cpu_s=process_stats.cpu_seconds(),
            rss_bytes=process_stats.own_memory_bytes(),
            state=self._state(),
            shard_count=plan.shard_count,
            shards_ready=sum(shard.state is SessionState.READY for shard in shards),
            events=reports.events,
            events_per_s=reports.events_per_s(now),
            api_url=self._context.account.api_url,
            gateway_url=self._context.gateway_url,
            sandbox=spec.on_sandbox,
            account=spec.account,
            hub_endpoint=spec.paths.events,
            hub_endpoints=[spec.paths.events_of(number) for number in range(spec.hubs)],
            replay_endpoint=spec.paths.replay,
            workers=workers,
            hosts=hosts,
            shards=shards,
            traffic=[reports.traffic(slot.number) for slot in slots.values()],
            budget=budget,
            subscribers=subscribers,
            subscriber_totals=self.subscribers.totals.rows(),
            commands=self._commands(),
            subscribers_unknown=max(0, self._connected(gate) - len(subscribers)),
            operation=self._operations.status(),
            hub_processes=self._hubs(),
            gate=gate,
            cache=self._cache(),
            http=self._http(),
            proxy=self._proxy(),
            proxies=proxies,
            troubles=[*self._troubles(), *gate_troubles(gate, host_gate), *proxy_troubles(proxies)],
            warnings=self._warnings.look(shards, workers, budget, subscribers, hosts),
        )

    def _connected(self, gate: GateReport | None) -> int:
        """How many programs are subscribed, on this host and through the TCP gate."""
        local = self._connections() - OWN_CONNECTIONS
        if gate is None or not gate.events:
            return local
        return local - GATE_CONNECTIONS + gate.subscribers

    def _state(self) -> ClusterState:
        """Return how the cluster is as a whole."""
        if self._lifetime.ending:
            return ClusterState.STOPPING
        plan, reports, slots = self._fleet.assignments.plan, self._fleet.reports, self._fleet.slots
        # One without shards, as it is when shards are about to move there, keeps nobody waiting
        used = [slot for slot, shards in plan.slots.items() if shards and slot in slots]
        all_run = all(map(slots.is_running, used))
        if all_run and reports.all_ready(plan):
            return ClusterState.READY
        return ClusterState.DEGRADED if reports.was_ready else ClusterState.STARTING


def gate_troubles(gate: GateReport | None, host_gate: HostGateReport | None) -> list[str]:
    """Return a line for each trouble that the gates have told. Pure."""
    troubles = []
    for report, who, name in ((gate, "connections", "TCP gate"), (host_gate, "hosts", "host gate")):
        if report is None:
            continue
        if report.full:
            troubles.append(
                f"no more {who} are let in over TCP: the {name} has no descriptors for them"
            )
        if report.trouble:
            troubles.append(f"the {name} lets nobody in: {report.trouble}")
    return troubles
