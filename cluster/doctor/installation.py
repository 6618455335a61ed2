"""Are the three packages ours? Other distributions install packages of these names."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Final

import cluster
from cluster.errors import ClusterError

OTHERS: Final = ("coordinator", "shard_worker")


def check_packages() -> Path:
    """The folder that all three are in. Raises ClusterError."""
    home = Path(cluster.__file__).parent.parent
    for name in OTHERS:
        found = importlib.util.find_spec(name)
        if found is None or found.origin is None or Path(found.origin).parent.parent != home:
            where = found.origin if found else "it is missing"
            raise ClusterError(
                f"the package {name} is not dcgw-cluster's ({where})",
                "install dcgw-cluster into a virtual environment of its own",
            )
    return home
