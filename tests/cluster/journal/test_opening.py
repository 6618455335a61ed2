"""How a journal is opened and closed: what its note says, and when that is on the disk."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import lmdb
import msgspec
import pytest

from cluster.journal import JournalReader, environment, manifest
from cluster.journal.pages import Pages
from cluster.journal.schema import DATA
from cluster.journal.writer import JournalError
from tests.cluster.journal.journal_rig import fill, opened, shard_writer


def test_nobody_else_may_look_into_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From its first moment, whatever the umask; one that was there is closed to others."""
    folder, modes, chmod = tmp_path / "slot-0", list[int](), Path.chmod

    def noted(path: Path, mode: int) -> None:
        modes.append(path.stat().st_mode & 0o777)
        chmod(path, mode)

    umask = os.umask(0)
    try:
        with monkeypatch.context() as patched:
            patched.setattr(Path, "chmod", noted)
            opened(tmp_path).close()
    finally:
        os.umask(umask)
    assert modes == [0o700], "as it was made"
    folder.chmod(0o755)
    opened(tmp_path).close()
    assert folder.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("new", [False, True])
def test_every_opener_that_dies_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, new: bool
) -> None:
    """The third finds that two died of it, and begins anew."""
    folder = tmp_path / "slot-0"
    if not new:
        opened(tmp_path).close()

    def dies(*_: Any) -> None:
        whose = manifest.read(folder)
        assert whose is not None
        left.append(whose)
        raise SystemExit("as SIGBUS would end it: nothing after this is done")

    left: list[manifest.Manifest] = []
    for _ in range(2):
        with monkeypatch.context() as patched:
            patched.setattr(Pages, "__init__", dies)
            with pytest.raises(SystemExit):
                opened(tmp_path)
        manifest.write(folder, left[-1])  # as the dead one left it
    assert [one.opening for one in left] == [1, 2]
    journal = opened(tmp_path)
    assert journal.set_aside == "whoever opened it died of it"
    assert openings(folder) == 0, "this one lives"
    journal.close()


def openings(folder: Path) -> int:
    whose = manifest.read(folder)
    assert whose is not None
    return whose.opening


def refused(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """LMDB's file can't be opened, with this error."""

    def refuse(*_: Any) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(environment, "open_for_writing", refuse)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EACCES])
def test_without_a_journal_that_is_there_nobody_begins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """Full disk or not: a worker that did not know its states would begin new sessions."""
    folder, writer = tmp_path / "slot-0", shard_writer()
    journal = opened(tmp_path)
    fill(journal, writer, 10)
    journal.close()
    for died in (0, 1):
        before = manifest.read(folder)
        assert before is not None
        manifest.write(folder, msgspec.structs.replace(before, opening=died))
        with monkeypatch.context() as patched:
            refused(patched, number)
            with pytest.raises(JournalError, match="can't be opened"):
                opened(tmp_path)
        assert openings(folder) == died, "nobody died of it"
    journal = opened(tmp_path)
    assert journal.states() == {(4, 0): writer.state}
    journal.close()


def test_a_new_journal_waits_for_room_and_for_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    folder, reason = tmp_path / "slot-0", f"can't be written: [Errno {errno.ENOSPC}]"
    for times in (1, 2):
        with monkeypatch.context() as patched:
            refused(patched, errno.ENOSPC)
            journal = opened(tmp_path)
        assert (journal.journalling, journal.set_aside, openings(folder)) == (False, "", 0)
        assert caplog.text.count(reason) == times
        journal.close()
        (folder / DATA).touch()  # made, and no room to fill it: it is as new
    (folder / DATA).unlink()
    with monkeypatch.context() as patched:
        refused(patched, errno.EACCES)
        with pytest.raises(JournalError, match="can't be opened"):
            opened(tmp_path)
    journal = opened(tmp_path)
    assert journal.journalling
    journal.close()


def test_a_file_that_is_damaged_when_it_is_opened_is_set_aside_and_it_is_said_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    journal = opened(tmp_path)
    fill(journal, shard_writer(), 10)
    journal.close()
    with monkeypatch.context() as patched:

        def damaged(*_: Any) -> None:
            patched.undo()
            raise lmdb.CorruptedError("a page")

        patched.setattr(Pages, "__init__", damaged)
        journal = opened(tmp_path)
    assert journal.set_aside == "it is damaged: a page"
    assert "set aside: it is damaged: a page" in caplog.text
    assert (journal.journalling, journal.states()) == (True, {})
    journal.close()


def test_a_journal_is_synced_before_it_is_called_clean(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []

    class Env:
        """The environment, with its ways to the disk noted."""

        def __init__(self, env: lmdb.Environment) -> None:
            self.env = env

        def sync(self, force: bool) -> None:
            done.append(f"sync {force}")
            self.env.sync(force)

        def __getattr__(self, name: str) -> Any:
            return getattr(self.env, name)

    journal = opened(tmp_path)
    assert journal._pages is not None
    journal._pages.env = Env(journal.env())  # type: ignore[assignment]  # nobody else is told
    write = manifest.write

    def noted(folder: Path, content: manifest.Manifest) -> None:
        done.append(f"clean {content.clean}")
        write(folder, content)

    monkeypatch.setattr(manifest, "write", noted)
    journal.sync()
    assert done == ["sync True"]
    journal.close()
    assert done[1:] == ["sync True", "clean True"]


def test_a_journal_is_no_longer_clean_on_the_disk_before_it_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A loss of power leaves of what was not synced this or that: the note that says so must not be
    among it."""
    opened(tmp_path).close()
    done: list[tuple[str, int]] = []
    rename, begin = Path.replace, Pages.__init__

    def replace(draft: Path, target: Path) -> Path:
        done.append(("note", draft.stat().st_ino))
        return rename(draft, target)

    def pages(made: Pages, env: lmdb.Environment, budget: int) -> None:
        done.append(("opened", 0))
        begin(made, env, budget)

    monkeypatch.setattr("os.fsync", lambda fd: done.append(("synced", os.fstat(fd).st_ino)))
    monkeypatch.setattr(Path, "replace", replace)
    monkeypatch.setattr(Pages, "__init__", pages)
    journal = opened(tmp_path)
    (_, note), folder = done[1], (tmp_path / "slot-0").stat().st_ino
    assert done[:4] == [("synced", note), ("note", note), ("synced", folder), ("opened", 0)]
    journal.close()
    assert [what for what, _ in done[-3:]] == ["synced", "note", "synced"]


def test_a_reader_s_map_is_as_large_as_its_writer_s(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A smaller one grows with the file, and what is written while it is opened is beyond it."""
    journal = opened(tmp_path, budget=16 << 20)
    fill(journal, shard_writer(), 100)
    journal.close()
    maps, lmdb_open = list[int](), lmdb.open

    def noted(path: str, **options: Any) -> lmdb.Environment:
        made = lmdb_open(path, **options)
        maps.append(made.info()["map_size"])
        return made

    monkeypatch.setattr("lmdb.open", noted)
    reader = JournalReader.open(tmp_path / "slot-0")
    assert maps == [32 << 20]
    assert len(reader.states()) == 1
    reader.close()


def test_a_map_that_grows_while_it_is_opened_is_no_damage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = opened(tmp_path)
    fill(journal, shard_writer(), 100)
    journal.close()
    refusals, lmdb_open = [lmdb.MapResizedError("it grew")], lmdb.open

    def refused_once(path: str, **options: Any) -> lmdb.Environment:
        if refusals:
            raise refusals.pop()
        return lmdb_open(path, **options)

    monkeypatch.setattr("lmdb.open", refused_once)
    reader = JournalReader.open(tmp_path / "slot-0")
    assert len(reader.states()) == 1
    reader.close()
