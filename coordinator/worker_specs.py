"""What the next process of a slot is told."""

from __future__ import annotations

from typing import NamedTuple

from cluster import __version__
from cluster.wire.link import LINK_VERSION, Hello, ShardPlan, WorkerSpec
from cluster.wire.spec import CoordinatorSpec
from coordinator.account import Account
from coordinator.hub import LastOut
from coordinator.plan import Plan
from coordinator.store import Store


class WorkerSpecs(NamedTuple):
    """Makes worker specs of what is known at the moment when a process is started."""

    spec: CoordinatorSpec
    account: Account
    plan: Plan
    store: Store
    last_out: LastOut
    gateway_url: str
    boot_id: str

    def make(self, slot: int) -> WorkerSpec:
        spec, places, out = self.spec, self.spec.places, self.last_out.shards
        shards = self.plan.slots[slot]
        return WorkerSpec(
            slot=slot,
            cluster=self.store.store_id,
            boot_id=self.boot_id,
            shards=[self._shard(shard) for shard in shards],
            token=self.account.token,
            intents=spec.intents,
            gateway_url=self.gateway_url,
            api_version=spec.api_version,
            compress=spec.compress,
            ca_file=self.account.ca_file,
            presence=spec.presence,
            large_threshold=spec.large_threshold,
            journal_dir=str(places.journal(slot)),
            journal_bytes=spec.journal_bytes,
            link_endpoint=places.link,
            hub_endpoint=places.hub,
            hub_pipe_messages=spec.hub_pipe_messages,
            start_after={shard: out[shard] for shard in shards if shard in out} or None,
            adopt_seconds=spec.adopt_seconds,
            log_level=spec.log_level,
        )

    def fits(self, slot: int, hello: Hello) -> bool:
        """Whether a worker from before may go on in this slot: it runs the slot's shards,
        for this account, in this version."""
        if slot >= len(self.plan.slots):
            return False
        shards = [self._shard(shard) for shard in self.plan.slots[slot]]
        return (
            hello.version == LINK_VERSION
            and hello.package_version == __version__
            and {report.shard_id for report in hello.shards} == set(self.plan.slots[slot])
            and all(shard.resume for shard in shards)
        )

    def _shard(self, shard: int) -> ShardPlan:
        known = self.store.known(self.plan.shard_count, shard)
        return ShardPlan(
            shard_id=shard,
            shard_count=self.plan.shard_count,
            last_epoch=known.epoch,
            resume=known.account in ("", self.account.key(self.store.store_id)),
        )
