"""Opening the cache's LMDB environment: what can't be trusted is set aside, room is there before it
is written to.

Sources: LMDB's documentation ("Caveats", MDB_WRITEMAP, MDB_NOSYNC), py-lmdb's "Environment class".
"""

from __future__ import annotations

import contextlib
import logging
import os
from pathlib import Path
from typing import Final

import lmdb
import msgspec

from cluster.cache import schema
from cluster.cache.errors import DAMAGE, CacheError, CacheFullError
from cluster.decode_errors import MALFORMED
from cluster.lmdb_files import crash_log
from cluster.lmdb_files.damage import damage, set_aside
from cluster.lmdb_files.disk import NO_PROMISE, allocate, file_system, has_room, make_lock_file
from cluster.lmdb_files.note import read_note, write_note

log = logging.getLogger(__name__)

FIRST_BYTES: Final = 16 * 1024 * 1024
"""A new cache's file. It is doubled whenever it is full, up to what it may have."""
ROOM_BYTES: Final = 256 * 1024
"""More than a usual turn writes."""
PACKAGE: Final = Path(__file__).parent
"""What is at work in a cache when a process dies of it."""


class Note(msgspec.Struct, frozen=True, kw_only=True):
    """The content of cache.json."""

    format: int = schema.FORMAT
    cluster: str
    """Store id of the cluster whose guilds these are."""
    boot_id: str
    max_bytes: int
    """How large its writer's map may become. Readers take one of that size, which need not follow
    it as it grows."""
    clean: bool = False
    """It was synced to the disk when it was closed."""
    opening: int = 0
    """How often it was opened since that last succeeded: its openers may have died of it."""
    damaged: str = ""
    """What a reader or its writer came upon; empty: nothing."""


class WrittenEnvironment:
    """The environment as its one writer has it."""

    def __init__(self, folder: Path, note: Note) -> None:
        """Open it; raises lmdb.Error and OSError."""
        self.set_aside = ""
        """Why what was there before was set aside; empty: it was not."""
        self._folder = folder
        self._note = note
        self._allocated = False
        make_lock_file(folder, schema.MAX_READERS)
        self.env = self._open()
        try:
            self.databases = open_databases(self.env)
        except BaseException:
            self.env.close()
            raise

    def _open(self) -> lmdb.Environment:
        """Open it to be written through the map, of which every byte is on the disk; where that is
        no promise, to be written with pwrite, which is dearer."""
        most, data = self._note.max_bytes, self._folder / schema.DATA
        if file_system(self._folder) not in NO_PROMISE:
            there = data.stat().st_size if data.exists() else 0
            env = _open(self._folder, max(there, min(FIRST_BYTES, most)), writemap=True)
            if allocate(data, env.info()["map_size"]):
                self._allocated = True
                return env
            env.close()
        return _open(self._folder, most, writemap=False)

    @property
    def bytes(self) -> int:
        """How large the map is now: the file is no larger."""
        return int(self.env.info()["map_size"])

    def make_room(self) -> None:
        """Make the map larger, or have the pages back that readers had who died. No transaction of
        this process may be open. Raises CacheFullError."""
        size, most = self.bytes, self._note.max_bytes
        if self._allocated and size < most:
            larger = min(2 * size, most)
            if allocate(self._folder / schema.DATA, larger):
                self.env.set_mapsize(larger)
                return
            # What was had of it is given back: nobody has used a page beyond the map.
            os.truncate(self._folder / schema.DATA, size)
            if not self.env.reader_check():
                raise CacheFullError(
                    f"the cache in {self._folder} has no room to grow to {larger:,} bytes",
                    "make room on its disk",
                )
        elif not self.env.reader_check():
            raise CacheFullError(
                f"the cache in {self._folder} is full: it may have {most:,} bytes",
                "give it more ([cache] bytes) or keep less ([cache] keep); if it was not before: "
                "does a program keep a snapshot open?",
            )

    def disk_has_room(self) -> bool:
        """Return whether the disk takes some pages more."""
        return has_room(self._folder, ROOM_BYTES)

    def condemn(self, why: str) -> None:
        """Note that it is damaged: whoever opens it next sets it aside."""
        log.error("the cache in %s is damaged: %s", self._folder, why)
        _write(self._folder, msgspec.structs.replace(self._note, damaged=why))

    def close(self) -> None:
        """Sync and close it; it is marked clean."""
        self.env.sync(True)
        self.env.close()
        _write(self._folder, msgspec.structs.replace(self._note, clean=True))


def open_for_writing(folder: Path, note: Note) -> WrittenEnvironment:
    """Open the environment of a folder, which is made. Raises CacheError."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    objection = _objection(folder, note)
    if objection:
        _set_aside(folder, objection)
    try:
        try:
            made = _open_noted(folder, note)
        except DAMAGE as error:
            objection = str(error)
            _set_aside(folder, objection)
            made = _open_noted(folder, note)
    except (lmdb.Error, OSError) as error:
        raise CacheError(
            f"the cache in {folder} can't be opened: {error}",
            "see that its disk has room and that the folder is yours",
        ) from error
    made.set_aside = objection
    return made


def _open_noted(folder: Path, note: Note) -> WrittenEnvironment:
    """Open it, with a note that it is being opened for whoever comes after this process has died of
    that. Raises lmdb.Error and OSError."""
    before = read(folder)
    opened = 0 if before is None else before.opening
    _write(folder, msgspec.structs.replace(note, opening=opened + 1))
    try:
        made = WrittenEnvironment(folder, note)
    except BaseException:
        with contextlib.suppress(OSError):  # nobody died of it
            _write(folder, msgspec.structs.replace(note, opening=opened))
        raise
    _write(folder, note)
    return made


def _objection(folder: Path, note: Note) -> str:
    """Return why what is in the folder can't be gone on with; empty: it can, or there is
    nothing."""
    data = folder / schema.DATA
    if not data.exists():
        return ""
    found = read(folder)
    if found is None:
        return f"{schema.NOTE} is missing or can't be read"
    if found.format != schema.FORMAT:
        return f"its format is {found.format}, not {schema.FORMAT}"
    if found.cluster != note.cluster:
        return f"it belongs to cluster {found.cluster}"
    if found.boot_id != note.boot_id and not found.clean:
        return "the host was rebooted without a clean stop"
    if found.opening >= 2:
        return "whoever opened it died of it"
    return found.damaged or crash_log.cause(folder, PACKAGE) or damage(data)


def _set_aside(folder: Path, why: str) -> None:
    log.warning("the cache in %s is set aside: %s", folder, why)
    set_aside(folder, (schema.DATA, schema.LOCK, schema.NOTE))
    (folder / crash_log.NAME).unlink(missing_ok=True)  # it is about the file that is gone


def read(folder: Path) -> Note | None:
    """Return a folder's note; None: there is none, or it can't be read."""
    text = read_note(folder / schema.NOTE)
    try:
        return None if text is None else msgspec.json.decode(text, type=Note)
    except MALFORMED:
        return None


def _write(folder: Path, note: Note) -> None:
    write_note(folder / schema.NOTE, msgspec.json.encode(note))


def open_for_reading(folder: Path) -> lmdb.Environment:
    """Open the environment to read, unless it is damaged: mapping that would end this process.
    Raises CacheError and lmdb.Error."""
    data = folder / schema.DATA
    note = read(folder)
    if note is None or not data.exists():
        raise CacheError(
            f"there is no cache in {folder}",
            'have the cluster keep one: [cache] keep = ["guilds"]',
        )
    why = note.damaged or damage(data)
    if note.format != schema.FORMAT:
        why = f"its format is {note.format}, not {schema.FORMAT}"
    if why:
        raise CacheError(
            f"the cache in {folder} can't be read: {why}",
            "it is begun anew when the cluster's cache process starts again",
        )
    size = max(note.max_bytes, data.stat().st_size)
    return lmdb.open(
        str(folder),
        readonly=True,
        map_size=size,
        max_dbs=schema.DATABASES,
        max_readers=schema.MAX_READERS,
        readahead=False,
    )


def open_databases(env: lmdb.Environment) -> schema.Databases:
    """Return the databases, made if they are not there and the environment may be written."""
    names = (schema.PARTS_DB, schema.GUILDS_DB, schema.USERS_DB, schema.ABOUT_DB, schema.WHOLE_DB)
    return schema.Databases(*(env.open_db(name) for name in names))


def _open(folder: Path, map_size: int, *, writemap: bool) -> lmdb.Environment:
    return lmdb.open(
        str(folder),
        map_size=map_size,
        max_dbs=schema.DATABASES,
        max_readers=schema.MAX_READERS,
        mode=0o600,
        writemap=writemap,
        map_async=writemap,
        sync=False,
        metasync=False,
        readahead=False,
    )
