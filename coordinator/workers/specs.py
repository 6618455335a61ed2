"""What the next process of a slot is told."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import msgspec

from cluster.config.keys import ClusterKeys
from cluster.config.worker_spec import WorkerSpec
from cluster.wire.batch import RESHARDED
from cluster.wire.link import LINK_VERSION, Hello, ShardPlan, Stop
from cluster.wire.position import ShardKey
from cluster.wire.shard_state import ShardState
from coordinator.context import RunContext
from coordinator.hub.last_out import LastOut
from coordinator.sharding.assignments import Assignments


class Remote(NamedTuple):
    """What the specs of workers on other hosts have besides."""

    lease_s: float
    state: Callable[[int, int], ShardState | None]
    """Returns where a shard's session is, given its shard count and id."""


class WorkerSpecs(NamedTuple):
    """Makes worker specs of what is known at the moment when a process is started."""

    context: RunContext
    assignments: Assignments
    last_out: LastOut
    boot_id: str
    remote: Remote | None = None
    """None: workers run on this host."""

    def make(self, slot: int) -> WorkerSpec:
        """Make the spec of the next process of a slot."""
        spec, paths, account = self.context.spec, self.context.paths, self.context.account
        out = self.last_out.shards
        shards, count = self.assignments.shards(slot), self.assignments.shard_count(slot)
        hub = slot % spec.hubs
        return WorkerSpec(
            slot=slot,
            cluster=self.context.store_id,
            boot_id=self.boot_id,
            shards=[self.shard(count, shard) for shard in shards],
            shard_count=count,
            token=account.token,
            kind=spec.account,
            intents=spec.intents,
            capabilities=spec.capabilities,
            client_build_number=spec.client_build_number,
            subscribe_guilds=spec.subscribe_guilds,
            launch=account.launch,
            gateway_url=self.context.gateway_url,
            api_version=spec.api_version,
            compress=spec.compression,
            ca_file=account.ca_file,
            presence=spec.presence,
            large_threshold=spec.large_threshold,
            journal_dir=str(paths.journal(slot)),
            log_file=str(paths.log(f"worker-{slot}")),
            link_endpoint=paths.link,
            hub_endpoint=paths.hub_of(hub),
            hub=hub,
            lease_s=self.remote.lease_s if self.remote else 0.0,
            start_after={s: out[key] for s in shards if (key := ShardKey(count, s)) in out} or None,
            held_for=self.assignments.held_for(slot),
            overlap_ns=self.assignments.overlap_ns,
            config=msgspec.structs.replace(
                msgspec.convert(spec, ClusterKeys, from_attributes=True), store=""
            ),  # which may hold a password
        )

    def fits(self, slot: int, hello: Hello) -> bool:
        """Whether a worker from before may go on in this slot: it runs the slot's shards, for this
        account, publishes to a hub that there is, and speaks this link's version. One of an older
        package goes on too, until it is restarted."""
        own, count = self.assignments.shards(slot), self.assignments.shard_count(slot)
        return (
            bool(own)
            and hello.version == LINK_VERSION
            and hello.shard_count == count
            and hello.hub < self.context.spec.hubs
            and {report.shard_id for report in hello.shards} == set(own)
            and all(self.shard(count, shard).resume for shard in own)
        )

    def farewell(self, hello: Hello) -> Stop:
        """Return what a worker that does not fit is told. Its sessions are resumed by others, but
        for those of a shard count that is no more in force (a resharding was cut short): they
        end."""
        if hello.shard_count in (0, self.assignments.plan.shard_count):
            return Stop()
        return Stop(logout=True, cause=RESHARDED)

    def shard(self, shard_count: int, shard: int) -> ShardPlan:
        """Return what a worker is told of one shard."""
        known = self.context.store.known(shard_count, shard)
        return ShardPlan(
            shard_id=shard,
            shard_count=shard_count,
            last_epoch=known.epoch,
            resume=known.account in ("", self.context.account_key),
            state=self.remote.state(shard_count, shard) if self.remote else None,
        )
