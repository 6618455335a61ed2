"""The parts that run workers on other hosts, wired together."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, Self

import cluster.wire.hosts as wire
from cluster.endpoints.tcp import Tcp
from cluster.errors import ClusterError
from cluster.wire import link
from cluster.wire.status import Operation
from coordinator.changes import Changes
from coordinator.context import RunContext
from coordinator.happenings.record import HappeningRecord
from coordinator.hosts.checkpoint_file import CheckpointFile
from coordinator.hosts.checkpoints import Checkpoints
from coordinator.hosts.first_plan import FirstPlan
from coordinator.hosts.host import Host
from coordinator.hosts.hosts import Hosts
from coordinator.hosts.link import HostLink
from coordinator.hosts.slots import ReportedSlots
from coordinator.hosts.spreading import HostGoals, Spreading
from coordinator.hosts.worker_words import Handler, WorkerWords
from coordinator.lifetime import Lifetime
from coordinator.operations.runner import OperationRunner
from coordinator.operations.scaling import Scaling
from coordinator.sharding.assignments import Assignments
from coordinator.state.plan_keeper import PlanKeeper
from coordinator.verb import Verb
from coordinator.workers.adoption import Adoption
from coordinator.workers.parts import Workers, adoption_for
from coordinator.workers.specs import WorkerSpecs

log = logging.getLogger(__name__)

ANY: str = "*"
"""In an endpoint: the address by which the agent has reached the coordinator."""


class Terms(NamedTuple):
    """What hosts are told of this cluster."""

    context: RunContext

    @property
    def lease_s(self) -> float:
        """How long workers hold their sessions without a word from the coordinator."""
        return self.context.spec.hosts.lease_seconds

    @property
    def labels(self) -> Mapping[str, str]:
        """The labels that a host must have to get workers."""
        return self.context.spec.hosts.labels

    def welcome(self, name: str) -> wire.HostWelcome:
        """Return what an agent is told when it joins. name: its own."""
        spec = self.context.spec
        events = _endpoint(spec.hosts.events, spec.hosts.advertise)
        return wire.HostWelcome(
            name=name,
            cluster=self.context.store_id,
            events=[str(events._replace(port=events.port + hub)) for hub in range(spec.hubs)],
            replay=str(_endpoint(spec.hosts.replay, spec.hosts.advertise)),
        )

    def ca_pem(self) -> str:
        """Return the certificate authority's file, whole; empty: the system's is used. OSError: it
        can't be read."""
        file = self.context.account.ca_file
        return Path(file).read_text() if file else ""


class RemoteHosts(NamedTuple):
    """The hosts, and the way to them."""

    link: HostLink
    hosts: Hosts
    checkpoints: Checkpoints
    file: CheckpointFile
    context: RunContext
    assignments: Assignments
    plan_keeper: PlanKeeper

    @classmethod
    def make(
        cls,
        host_link: HostLink,
        context: RunContext,
        specs: WorkerSpecs,
        checkpoints: Checkpoints,
        plan_keeper: PlanKeeper,
        record: HappeningRecord,
        changes: Changes,
    ) -> Self:
        """Make them; none has joined."""

        def adopting(host: Host) -> Adoption:
            def send(slot: int, message: link.ToWorker) -> bool:
                return host.tell(wire.TellWorker(slot=slot, data=link.encode(message)))

            return adoption_for(ReportedSlots(host), specs, send)

        hosts = Hosts(
            specs.assignments,
            Terms(context),
            send=host_link.send,
            adopting=adopting,
            save=_saving(plan_keeper),
            record=record,
            changes=changes,
            clock=context.clock,
            first_number=secrets.randbits(60),
        )
        file = CheckpointFile(
            context.paths.checkpoints,
            context.store_id,
            checkpoints,
            tell=hosts.send,
            shard_counts=lambda: {plan.shard_count for plan in specs.assignments.plans},
        )
        file.read()
        return cls(host_link, hosts, checkpoints, file, context, specs.assignments, plan_keeper)

    @property
    def goals(self) -> HostGoals:
        """What so many workers are to have, on which hosts."""
        return HostGoals(self.context, self.hosts, self.assignments)

    def listen(self, lifetime: Lifetime, handler: Handler) -> Mapping[str, Verb]:
        """Hear the hosts from now on. Return what is answered of them. handler: takes what workers
        say. zmq.ZMQError: the endpoint can't be bound."""
        store = self.context.store
        words = WorkerWords(
            self.hosts, self.checkpoints, self.assignments, handler,
            clock=self.context.clock, may_renew=lambda: store.is_ours,
            on_checkpoint=self.file.reported,
        )  # fmt: skip
        self.link.bind()
        lifetime.background(self.link.run(words.take), "host link")
        lifetime.background(self.hosts.run(), "hosts")
        lifetime.background(self.file.run(), "checkpoints")
        return {"_hosts": self.known}

    def begin(
        self,
        lifetime: Lifetime,
        workers: Workers,
        scaling: Scaling,
        operations: OperationRunner,
        begun: Callable[[], None],
    ) -> Mapping[str, Verb]:
        """Start workers when the hosts are there that the plan is for, and let the plan follow the
        hosts from then on. Return the verbs. begun: called when workers are being started."""
        spreading = Spreading(self.hosts, self.goals, scaling, operations, self.context.clock)
        first = FirstPlan(
            self.context, self.hosts, workers.fleet, workers.supervisor, self.plan_keeper
        )

        async def run() -> None:
            await first.run()
            operations.waits_for = ""
            begun()
            await spreading.run()

        first.show_waiting()
        lifetime.background(run(), "spreading over hosts")
        return spreading.verbs()

    async def known(self, args: dict[str, Any]) -> wire.KnownHosts:
        """Tell the replay door which hosts there are. No args."""
        hosts = [
            wire.KnownHost(name=name, id=host.id.decode(), state=host.asked)
            for name, host in sorted(self.hosts.by_name.items())
            if host.id
        ]
        return wire.KnownHosts(
            cluster=self.context.store_id, hosts=hosts, settled=self.hosts.settled
        )


async def no_hosts(args: dict[str, Any]) -> Operation:
    """Refuse to drain a host of a cluster that has none. ClusterError."""
    raise ClusterError(
        "workers run on this host only", 'engine = "join" lets other hosts join: docs/operations.md'
    )


def _saving(plan_keeper: PlanKeeper) -> Callable[[], bool]:
    """Return what writes down where slots are placed."""

    def save() -> bool:
        try:
            plan_keeper.save()
        except ClusterError as error:
            log.error("no worker is placed on another host: %s", error)
            return False
        return True

    return save


def _endpoint(listens: str, advertised: str) -> Tcp:
    """Return an endpoint as hosts are told it. listens: where it is bound. advertised: by which
    name or address hosts reach it; empty: by the one by which they joined."""
    tcp = Tcp.read(listens)
    assert tcp is not None  # the spec was checked
    return tcp._replace(host=advertised or ANY)
