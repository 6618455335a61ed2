"""Why the cache can't be used."""

from __future__ import annotations

from typing import Final

from cluster.errors import CacheError as CacheError
from cluster.lmdb_files import damage


class CacheFullError(CacheError):
    """What is kept does not fit into `[cache] bytes`."""


class DamagedCacheError(CacheError):
    """The cache's file has what no sound one has."""

    def __init__(self, why: object) -> None:
        super().__init__(
            f"the cache is damaged: {why}",
            "it is set aside, and begun anew, when the cluster's cache process starts again",
        )


DAMAGE: Final = (DamagedCacheError, *damage.DAMAGE)
"""What a sound file never raises: it has to be set aside."""
