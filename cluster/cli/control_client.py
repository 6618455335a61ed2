"""Finds the cluster that a verb asks: one of this host, or one elsewhere by its keys."""

from __future__ import annotations

from pathlib import Path

from cluster.cli.options import check_remote, running_cluster
from cluster.control.client import DEFAULT_TIMEOUT_S, ControlClient


def control_client(
    config_file: Path | None,
    name: str | None,
    keys_file: Path | None,
    endpoint: str | None,
    patience_s: float = DEFAULT_TIMEOUT_S,
) -> ControlClient:
    """Return a client for what --config, --name, --keys and --endpoint say. ConfigError: they do
    not go together; else what `running_cluster` raises. patience_s: how long an answer may take."""
    check_remote(keys_file, endpoint, name)
    if keys_file is not None:
        return ControlClient(endpoint, keys=keys_file, timeout=patience_s)
    return ControlClient.from_running(running_cluster(config_file, name), timeout=patience_s)
