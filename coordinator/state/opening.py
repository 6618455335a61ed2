"""Opens the store that the configuration names."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from cluster.config.coordinator_spec import CoordinatorSpec
from cluster.config.offered import offered
from cluster.endpoints.curve_keys import KeyFolder
from coordinator.state.store import Store

if TYPE_CHECKING:
    from coordinator.state.postgres.lease_keeper import LeaseKeeper


class OpenStore(NamedTuple):
    """The store of this coordinator."""

    store: Store
    keeper: LeaseKeeper | None
    """What keeps the lease of a store that others can take over; None: they can't."""


async def open_store(spec: CoordinatorSpec, standing_by: Callable[[str], None]) -> OpenStore:
    """Open the store of a spec; the state folder is locked. standing_by: called with why, when a
    standby begins to wait. ClusterError: it can't be opened, or another coordinator has it."""
    if not spec.store:
        return OpenStore(Store.open(spec.paths.store), None)
    # Only who has the extra can import it (check_store).
    from coordinator.state.postgres.opening import PostgresOpening

    key = KeyFolder(spec.paths.keys).server().public if offered(spec) else ""
    opening = PostgresOpening(spec.store, spec.paths, key)
    return OpenStore(*await opening.open(standing_by if spec.standby else None))
