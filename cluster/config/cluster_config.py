"""The whole configuration: all of keys.py, and the sandbox's options."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from cluster.config.keys import ClusterKeys
from cluster.sandbox.options import SandboxOptions


class ClusterConfig(ClusterKeys, frozen=True, kw_only=True):
    """Every key. It stands apart from ClusterKeys so that a worker does not load the sandbox's
    options."""

    sandbox: SandboxOptions = msgspec.field(default_factory=SandboxOptions)


SANDBOX_CLUSTER: Final[dict[str, Any]] = {
    "name": "sandbox",
    "intents": "all",
    "workers": 2,
    "sandbox.guilds": 40,
    "sandbox.rate": 500.0,
    "sandbox.shards": 4,
    "sandbox.max_concurrency": 4,
}
"""Defaults of a cluster on a sandbox: lively, and ready within seconds."""
