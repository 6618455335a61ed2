"""How a journal is opened and closed: what its note says, and when that is on the disk."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import lmdb
import pytest

from cluster.journal import manifest
from cluster.journal.pages import Pages
from tests.cluster.journal.journal_rig import opened


def test_every_opener_that_dies_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The third finds that two died of it, and begins anew."""
    folder = tmp_path / "slot-0"
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
