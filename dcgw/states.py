"""How sessions, workers and clusters are, and why there is a gap: enumerations whose members are
also the texts that go over the wire."""

from dcgw.installation import check_packages

check_packages()

from cluster.wire.states import (  # noqa: E402
    ClusterState,
    GapReason,
    OperationState,
    SessionState,
    WorkerState,
)

__all__ = ["ClusterState", "GapReason", "OperationState", "SessionState", "WorkerState"]
