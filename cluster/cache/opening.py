"""Opening the cache's LMDB environment.

Sources: LMDB's documentation ("Caveats", MDB_NOSYNC), py-lmdb's "Environment class".
"""

from __future__ import annotations

from pathlib import Path

import lmdb

from cluster.cache import schema
from cluster.cache.snapshot import Databases


def open_environment(folder: Path, max_bytes: int) -> lmdb.Environment:
    """Open the environment to write. Raises lmdb.Error and OSError."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return lmdb.open(
        str(folder),
        map_size=max_bytes,
        max_dbs=schema.DATABASES,
        max_readers=schema.MAX_READERS,
        mode=0o600,
        sync=False,
        metasync=False,
        readahead=False,
    )


def open_databases(env: lmdb.Environment) -> Databases:
    """Return the databases, made if they are not there and the environment may be written."""
    names = (schema.PARTS_DB, schema.GUILDS_DB, schema.USERS_DB, schema.ABOUT_DB)
    return Databases(*(env.open_db(name) for name in names))


def open_for_reading(folder: Path) -> lmdb.Environment:
    """Open the environment to read, as large as its writer's map. Raises lmdb.Error."""
    return lmdb.open(
        str(folder),
        readonly=True,
        map_size=0,
        max_dbs=schema.DATABASES,
        max_readers=schema.MAX_READERS,
        readahead=False,
    )
