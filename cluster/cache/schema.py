"""How the cache lies in LMDB: databases and keys.

folder/data.mdb, lock.mdb   the environment
folder/cache.json           whose it is; read before the environment is opened

database    key                                             value
``parts``   guild id, u64, kind, u8, id, u64                JSON text of a part
``guilds``  guild id, u64                                   msgpack of GuildState
``users``   user id, u64                                    JSON text of a user, if users are kept
``about``   ``position``                                    JSON of the saved position
            ``bot``                                         own id, u64, JSON text: READY without
                                                            what is the session's
            ``bot told``                                    Unix ns, u64: when the newest event came
                                                            that tells of the bot
            ``count``                                       the shard count of the newest event, u32
            ``keep``                                        what is kept, a word each
``whole``   shard count, u32, shard id, u32                 nothing: READY of the shard has come, or
                                                            of those whose guilds it has, and
                                                            nothing was missed since

Numbers are big-endian, so that the parts of a guild, and of a kind, lie beside each other.
"""

from __future__ import annotations

import struct
from typing import Final, NamedTuple

import lmdb

from cluster.lmdb_files import disk

DATA: Final = disk.DATA
LOCK: Final = disk.LOCK
NOTE: Final = "cache.json"
FORMAT: Final = 1
MAX_READERS: Final = 512
DATABASES: Final = 5

PARTS_DB: Final = b"parts"
GUILDS_DB: Final = b"guilds"
USERS_DB: Final = b"users"
ABOUT_DB: Final = b"about"
WHOLE_DB: Final = b"whole"

POSITION: Final = b"position"
BOT: Final = b"bot"
BOT_TOLD: Final = b"bot told"
COUNT: Final = b"count"
KEEP: Final = b"keep"

pack_part: Final = struct.Struct(">QBQ").pack
unpack_part: Final = struct.Struct(">QBQ").unpack
pack_kind: Final = struct.Struct(">QB").pack
pack_id: Final = struct.Struct(">Q").pack
unpack_id: Final = struct.Struct(">Q").unpack
pack_shard: Final = struct.Struct(">II").pack
unpack_shard: Final = struct.Struct(">II").unpack
pack_count: Final = struct.Struct(">I").pack
unpack_count: Final = struct.Struct(">I").unpack


class Databases(NamedTuple):
    """Handles of the databases, which are the environment's."""

    parts: lmdb._Database
    guilds: lmdb._Database
    users: lmdb._Database
    about: lmdb._Database
    whole: lmdb._Database
