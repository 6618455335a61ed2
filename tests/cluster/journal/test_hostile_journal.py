"""Files that are no journal, or were one: whoever opens them goes on with a new one, at once or
after it has died of it. In processes of their own, since some of these files end a process."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import lmdb
import msgspec
import pytest

from cluster.journal import Journal, RangeQuery, checks, manifest, schema
from cluster.journal.history import History
from cluster.journal.schema import DATA
from cluster.lmdb_files import crash_log
from tests.cluster.journal import journal_child
from tests.cluster.journal.journal_rig import reading

WITHIN_S = 60
PAGE = schema.PAGE


def child(doing: str, *folders: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, journal_child.__file__, doing, *map(str, folders)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def written(*folders: Path) -> dict[str, str]:
    """What the child says of each journal; one that it died of is tried again, once."""
    said: dict[str, str] = {}
    died = set[Path]()
    while left := [folder for folder in folders if folder.name not in said]:
        process = child("write", *left)
        out, errors = process.communicate(timeout=WITHIN_S)
        for line in out.splitlines():
            name, _, why = line.partition(" ")
            said[name] = why
        if process.returncode != 0:
            mine = next(folder for folder in left if folder.name not in said)
            assert process.returncode in (-signal.SIGBUS, -signal.SIGSEGV, -signal.SIGABRT), errors
            assert mine not in died, f"died of it twice: {mine}"
            died.add(mine)
    for folder in died:
        assert "died of it" in said[folder.name]
    return said


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A journal that was closed in order."""
    folder = tmp_path_factory.mktemp("sound") / "slot-0"
    journal = journal_child.opened(folder)
    journal_child.written(journal, 700)
    journal.close()
    return folder


def used_pages(data: bytes) -> int:
    return max(i for i in range(len(data) // PAGE) if any(data[i * PAGE : (i + 1) * PAGE])) + 1


def mutations(data: bytes, count: int) -> Iterator[bytes]:
    """Pages that were damaged in every way that a disk knows; the same ones each time."""
    chance, used = random.Random(3), used_pages(data)
    for number in range(count):
        out = bytearray(data)

        def page() -> int:
            return chance.randrange(2, used) * PAGE

        target, other = page(), page()
        match number % 6:
            case 0:  # the header of a page, which says what it is
                for _ in range(4):
                    out[page() + chance.randrange(16)] = chance.randrange(256)
            case 1:  # bits of it, anywhere
                for _ in range(20):
                    out[page() + chance.randrange(PAGE)] ^= 1 << chance.randrange(8)
            case 2:
                out[target : target + PAGE] = bytes(PAGE)
            case 3:
                out[target : target + PAGE], out[other : other + PAGE] = data[other : other + PAGE], data[target : target + PAGE]  # fmt: skip  # noqa: E501
            case 4:
                out[target : target + PAGE] = chance.randbytes(PAGE)
            case _:  # what LMDB reads first
                for _ in range(2):
                    out[chance.choice((0, PAGE)) + chance.randrange(24, 152)] = chance.randrange(
                        256
                    )
        yield bytes(out)


def copies(sound: Path, root: Path, files: list[bytes]) -> list[Path]:
    folders = []
    for number, data in enumerate(files):
        folder = root / f"slot-{number}"
        shutil.copytree(sound, folder)
        (folder / DATA).write_bytes(data)
        folders.append(folder)
    return folders


def test_pages_that_were_damaged(sound: Path, tmp_path: Path) -> None:
    """Each is read, written and pruned, in the old file or in a new one, and journals to the end.
    Whoever dies of it dies once."""
    folders = copies(sound, tmp_path, list(mutations((sound / DATA).read_bytes(), 18)))
    said = written(*folders)
    assert len(said) == 18
    assert sum(bool(why) for why in said.values()) > 4
    assert set(written(*folders[:3]).values()) == {""}, "and the next one finds it sound"


def test_files_that_are_no_journal(sound: Path, tmp_path: Path) -> None:
    whole = (sound / DATA).read_bytes()
    strange = lmdb.open(str(tmp_path / "strange"), map_size=1 << 20)
    with strange.begin(write=True) as txn:
        txn.put(b"state", b"not a database")
    strange.close()
    files = {
        "": b"",
        "no LMDB file": b"x",
        "meta pages": b"\0" * 100_000,
        "meta pages are": b"SQLite format 3\0" * 5000,
        "truncated": whole[: used_pages(whole) * PAGE // 2],
        "whole": whole[: PAGE + 100],
        "damaged": (tmp_path / "strange" / DATA).read_bytes(),
    }
    folders = copies(sound, tmp_path, list(files.values()))
    said = written(*folders)
    for folder, why in zip(folders, files, strict=True):
        assert why in said[folder.name]


@pytest.mark.parametrize("record", [
    b"", b"{", b"[1,2]", b'{"cluster":1}', b"\xff\xfe", b"[" * 10_000, b"\0" * 256,
    b'{"cluster":"0123456789abcdef","slot":0,"boot_id":"boot","opening":99999999999999999999999}',
    b'{"cluster":"0123456789abcdef","slot":0,"boot_id":"boot","format":1e400}',
    b"x" * 1_000_000,
])  # fmt: skip
def test_a_journal_json_that_is_rubbish(tmp_path: Path, record: bytes) -> None:
    folder = tmp_path / "slot-0"
    journal_child.opened(folder).close()
    (folder / manifest.FILE).write_bytes(record)
    journal = journal_child.opened(folder)
    assert "journal.json" in journal.set_aside or "died" in journal.set_aside
    journal_child.written(journal, 3)
    assert journal.journalling
    journal.close()


def test_a_file_that_is_cut_under_its_owner(tmp_path: Path) -> None:
    """SIGBUS: the next one says so, and begins anew."""
    folder = tmp_path / "slot-0"
    process = child("mapped", folder)
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stdout.readline() == "open\n"
    process.stdin.write("more\n")
    process.stdin.flush()
    assert process.stdout.readline() == "written\n"
    os.truncate(folder / DATA, 3 * PAGE)
    process.communicate("more\n", timeout=WITHIN_S)
    assert process.returncode == -signal.SIGBUS
    assert "Bus error" in crash_log.cause(folder, checks.PACKAGE)
    assert "died of it" in written(folder)["slot-0"]
    assert not crash_log.cause(folder, checks.PACKAGE)


def test_a_death_in_a_write_is_told_from_one_elsewhere(tmp_path: Path) -> None:
    folder = tmp_path / "slot-0"
    journal_child.opened(folder).close()
    process = child("mapped", folder)
    assert process.stdout is not None
    assert process.stdout.readline() == "open\n"
    process.send_signal(signal.SIGABRT)  # while it waits for a line
    process.communicate(timeout=WITHIN_S)
    assert process.returncode == -signal.SIGABRT
    assert written(folder)["slot-0"] == ""
    process = child("dies", folder)
    process.communicate(timeout=WITHIN_S)
    assert process.returncode == -signal.SIGBUS
    assert "Bus error" in written(folder)["slot-0"]


def test_damage_that_shows_while_it_is_written(sound: Path, tmp_path: Path) -> None:
    """The states go into the new file, the numbering goes on, readers see a gap and no more."""
    data = bytearray((sound / DATA).read_bytes())
    folder = copies(sound, tmp_path, [bytes(data)])[0]
    journal = journal_child.opened(folder)
    before, record = dict(journal.states()), journal.last_record
    assert journal._pages is not None
    pages, journal._pages.env = journal._pages, Broken(journal._pages.env)  # type: ignore[assignment]
    journal_child.written(journal, 1)
    assert journal.journalling
    assert "MDB_CORRUPTED" in journal.set_aside
    assert journal._pages is not pages
    assert journal.last_record > record
    assert journal.states().keys() == before.keys()
    found = journal.after(record)
    assert found is not None
    assert found.first_record == record + 1
    history = History(tmp_path, journal_child.STORE, lambda _: reading(journal))
    part = history.read(RangeQuery(0, journal_child.SHARDS, 1, -1))
    assert part.gone == [(0, part.reached - 3)]
    assert (folder / f"aside-{DATA}").exists()
    journal.close()
    again = journal_child.opened(folder)
    assert not again.set_aside
    assert again.states().keys() == before.keys()
    again.close()


class Broken:
    """An environment whose pages are damaged wherever they are written."""

    def __init__(self, env: lmdb.Environment) -> None:
        self.env = env

    def begin(self, *args: Any, **options: Any) -> Any:
        if options.get("write"):
            raise lmdb.CorruptedError("mdb_put: MDB_CORRUPTED: Located page was wrong type")
        return self.env.begin(*args, **options)

    def __getattr__(self, name: str) -> object:
        return getattr(self.env, name)


def test_a_journal_that_fails_to_open_cleanly_is_not_taken_for_deadly(tmp_path: Path) -> None:
    """What is not its fault does not count against it, however often."""
    folder = tmp_path / "slot-0"
    journal_child.opened(folder).close()
    held = lmdb.open(str(folder), max_dbs=schema.MAX_DATABASES)  # LMDB: not twice in one process
    for _ in range(4):
        with pytest.raises(Exception, match="can't be opened"):
            Journal.open(folder, budget_bytes=1 << 20, slot=0, cluster=journal_child.STORE,
                         boot_id="boot")  # fmt: skip
    held.close()
    journal = journal_child.opened(folder)
    assert not journal.set_aside
    journal.close()
    whose = manifest.read(folder)
    assert whose is not None
    assert whose.opening == 0
    assert msgspec.json.decode((folder / manifest.FILE).read_bytes())["clean"] is True
