"""The parts that run workers on other hosts, wired together."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, Self

import cluster.wire.hosts as wire
from cluster.endpoints.tcp import Tcp
from cluster.errors import ClusterError
from cluster.wire import link
from coordinator.changes import Changes
from coordinator.context import RunContext
from coordinator.happenings.record import HappeningRecord
from coordinator.hosts.checkpoints import Checkpoints
from coordinator.hosts.host import Host
from coordinator.hosts.hosts import Hosts
from coordinator.hosts.link import HostLink
from coordinator.hosts.slots import ReportedSlots
from coordinator.sharding.assignments import Assignments
from coordinator.state.plan_keeper import PlanKeeper
from coordinator.workers.adoption import Adoption
from coordinator.workers.parts import adoption_for
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

    @classmethod
    def make(
        cls,
        host_link: HostLink,
        context: RunContext,
        assignments: Assignments,
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
            assignments,
            Terms(context),
            send=host_link.send,
            adopting=adopting,
            save=_saving(plan_keeper),
            record=record,
            changes=changes,
            clock=context.clock,
            first_number=secrets.randbits(60),
        )
        return cls(host_link, hosts, checkpoints)


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
