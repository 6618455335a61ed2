"""Which file is gone on with, and which is set aside; whoever dies of one dies once."""

from __future__ import annotations

import random
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import lmdb
import msgspec
import pytest

from cluster.cache import Cache, CacheError
from cluster.cache.opening import PACKAGE, read
from cluster.lmdb_files import crash_log
from tests.cluster.cache import cache_child
from tests.cluster.cache.cache_child import SMALL
from tests.cluster.cache.played import opened, position

PAGE = 4096


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache that was closed in order."""
    folder = tmp_path_factory.mktemp("sound") / "cache"
    store = opened(folder, max_bytes=SMALL)
    cache_child.write(store, 20)
    store.close()
    return folder


@pytest.fixture
def folder(sound: Path, tmp_path: Path) -> Path:
    shutil.copytree(sound, tmp_path / "cache")
    return tmp_path / "cache"


def test_it_goes_on_where_it_was(folder: Path) -> None:
    store = opened(folder, max_bytes=SMALL, boot_id="another boot")
    assert store.position == position(20)
    assert store.set_aside == ""
    store.close()


def test_what_was_not_closed_is_gone_on_with_in_the_same_boot(folder: Path) -> None:
    opened(folder, max_bytes=SMALL)._environment.env.close()
    store = opened(folder, max_bytes=SMALL)
    assert store.position == position(20)
    store._environment.env.close()
    store = opened(folder, max_bytes=SMALL, boot_id="another boot")
    assert "rebooted" in store.set_aside
    assert store.position is None
    store.close()


def test_another_clusters_is_set_aside(folder: Path) -> None:
    store = opened(folder, max_bytes=SMALL, cluster="other")
    assert "belongs to cluster store" in store.set_aside
    assert store.position is None
    assert (folder / "aside-data.mdb").exists()
    store.close()


@pytest.mark.parametrize("note", [None, b"", b"{}", b"\xff"])
def test_nobodys_is_set_aside(folder: Path, note: bytes | None) -> None:
    (folder / "cache.json").unlink()
    if note is not None:
        (folder / "cache.json").write_bytes(note)
    with pytest.raises(CacheError):
        Cache(folder)
    store = opened(folder, max_bytes=SMALL)
    assert "cache.json" in store.set_aside
    store.close()


def test_another_format_is_set_aside(folder: Path) -> None:
    note = read(folder)
    assert note is not None
    newer = msgspec.json.encode(msgspec.structs.replace(note, format=9))
    (folder / "cache.json").write_bytes(newer)
    with pytest.raises(CacheError, match="format is 9"):
        Cache(folder)
    store = opened(folder, max_bytes=SMALL)
    assert "format is 9" in store.set_aside
    store.close()


def test_what_somebody_died_of_while_it_was_opened_is_set_aside(folder: Path) -> None:
    note = read(folder)
    assert note is not None
    for times, is_sound in ((1, True), (2, False)):
        opening = msgspec.json.encode(msgspec.structs.replace(note, opening=times))
        (folder / "cache.json").write_bytes(opening)
        store = opened(folder, max_bytes=SMALL)
        assert ("died of it" in store.set_aside) is not is_sound
        store.close()


def test_that_it_could_not_be_opened_is_no_death(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object, **__: object) -> None:
        raise lmdb.Error("Permission denied")

    for _ in range(3):
        with monkeypatch.context() as patched:
            patched.setattr("lmdb.open", refused)
            with pytest.raises(CacheError, match="Permission denied"):
                opened(folder, max_bytes=SMALL)
    store = opened(folder, max_bytes=SMALL)
    assert store.position == position(20)
    store.close()


def truncated(data: Path) -> None:
    whole = data.read_bytes()
    used = max(i for i in range(len(whole) // PAGE) if any(whole[i * PAGE : (i + 1) * PAGE]))
    with data.open("r+b") as file:
        file.truncate(used * PAGE // 2)


def test_a_file_that_was_truncated_is_not_mapped(folder: Path) -> None:
    truncated(folder / "data.mdb")
    with pytest.raises(CacheError, match="truncated"):
        Cache(folder)
    store = opened(folder, max_bytes=SMALL)
    assert "truncated" in store.set_aside
    cache_child.write(store, 1)
    store.close()
    with Cache(folder) as cache:
        assert cache.position == position(1)


def test_a_file_of_something_else_is_set_aside(folder: Path) -> None:
    (folder / "data.mdb").write_bytes(b"SQLite format 3\0" * 5000)
    with pytest.raises(CacheError, match="meta pages"):
        Cache(folder)
    store = opened(folder, max_bytes=SMALL)
    assert "meta pages" in store.set_aside
    store.close()


def test_whoever_died_at_work_in_it(folder: Path) -> None:
    process = subprocess.run(
        [sys.executable, cache_child.__file__, "die", str(folder)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert process.returncode == -signal.SIGBUS, process.stderr
    assert "Bus error" in crash_log.cause(folder, PACKAGE)
    store = opened(folder, max_bytes=SMALL)
    assert "died of it" in store.set_aside
    assert not crash_log.cause(folder, PACKAGE)
    store.close()


def test_pages_that_were_damaged(sound: Path, tmp_path: Path) -> None:
    """Each is read and written, in the old file or in a new one. Whoever dies of it dies once."""
    draw, folders = random.Random(3), []
    whole = (sound / "data.mdb").read_bytes()
    used = max(i for i in range(len(whole) // PAGE) if any(whole[i * PAGE : (i + 1) * PAGE]))
    for number in range(6):
        data = bytearray(whole)
        for _ in range(4):
            page = draw.randrange(2, used) * PAGE
            if number % 3 == 0:
                data[page + draw.randrange(16)] = draw.randrange(256)
            elif number % 3 == 1:
                data[page : page + PAGE] = bytes(PAGE)
            else:
                data[page : page + PAGE] = draw.randbytes(PAGE)
        folders.append(tmp_path / f"cache-{number}")
        shutil.copytree(sound, folders[-1])
        (folders[-1] / "data.mdb").write_bytes(data)
    command = [sys.executable, cache_child.__file__, "write", *map(str, folders)]
    process = subprocess.run(command, capture_output=True, text=True, check=False)
    said = dict(line.split(" ", 1) for line in process.stdout.splitlines())
    assert said.keys() == {folder.name for folder in folders}, process.stderr
    assert set(said.values()) <= {"0", "1"}, process.stderr
    assert "1" in said.values()
    for folder in folders:
        store = opened(folder, max_bytes=SMALL)
        assert store.position == position(3)
        assert store.set_aside == ""
        store.close()
