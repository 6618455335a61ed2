"""Why the cache can't be used."""

from __future__ import annotations

from cluster.errors import ClusterError


class CacheError(ClusterError):
    """The cache can't be opened, read or written."""


class CacheFullError(CacheError):
    """What is kept does not fit into `[cache] bytes`."""
