"""The plan in force, written down so that the next start takes it up."""

from __future__ import annotations

import time
from typing import NamedTuple

from cluster.config.coordinator_spec import CoordinatorSpec
from cluster.errors import ClusterError
from coordinator.sharding.assignments import Assignments
from coordinator.sharding.plan import StoredPlan
from coordinator.state.database import StoreError
from coordinator.state.store import Store


class PlanKeeper(NamedTuple):
    """Writes the plan in force to the store."""

    store: Store
    spec: CoordinatorSpec
    assignments: Assignments

    def save(self, *, scaled: bool = False, resharded: bool = False) -> None:
        """Write the plan down. scaled, resharded: its workers or its shard count were changed on
        request; that holds until the configuration says another. ClusterError: it can't be
        written."""
        try:
            self.store.set_plan(
                StoredPlan.from_plan(
                    self.assignments.plan,
                    self.spec,
                    self.store.plan(),
                    scaled=scaled,
                    resharded=resharded,
                    counts=self.assignments.counts,
                    now=time.time(),
                    where=self.assignments.where,
                    draining=self.assignments.draining,
                )
            )
        except StoreError as error:
            raise ClusterError(
                f"the plan can't be written ({error})", f"see to the store {self.store.name}"
            ) from error
