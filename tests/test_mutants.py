"""`make mutants`: what survived is named, and its share told."""

from __future__ import annotations

import json
from pathlib import Path

from tests import mutants


def test_what_no_test_noticed_is_named(tmp_path: Path) -> None:
    (tmp_path / "cluster").mkdir()
    for name, codes in {
        "cluster/a.py": {"a.x_1": 1, "a.x_2": 0, "a.x_3": 33, "a.x_4": 36, "a.x_5": -11},
        "cluster/b.py": {"b.x_1": 1, "b.x_2": 34, "b.x_3": None},
        "cluster/c.py": {"c.x_1": None},
    }.items():
        note = {"exit_code_by_key": codes}
        (tmp_path / f"{name}.meta").write_text(json.dumps(note))
    found = list(mutants.outcomes(tmp_path))
    assert found == [("cluster/a.py", 5, ["a.x_2", "a.x_3"]), ("cluster/b.py", 1, [])]
    assert mutants.whole(found).share == 2 / 6
    assert mutants.table(found).splitlines() == [
        "a.x_2",
        "a.x_3",
        " 40.0%     2 of    5  cluster/a.py",
        "  0.0%     0 of    1  cluster/b.py",
        " 33.3%     2 of    6  all together",
    ]
    assert mutants.whole([]).share == 0.0


def test_what_survived_is_tried_again(tmp_path: Path) -> None:
    """Perhaps a test has come that notices it; what was noticed stays so."""
    note = tmp_path / "cluster" / "a.py.meta"
    note.parent.mkdir()
    codes = {"a.x_1": 1, "a.x_2": 0, "a.x_3": 33, "a.x_4": None, "a.x_5": 34}
    note.write_text(json.dumps({"exit_code_by_key": codes, "durations_by_key": {"a.x_1": 0.5}}))
    mutants.try_again(tmp_path)
    codes |= {"a.x_2": None, "a.x_3": None}
    content = {"exit_code_by_key": codes, "durations_by_key": {"a.x_1": 0.5}}
    assert json.loads(note.read_bytes()) == content
    mutants.try_again(tmp_path / "no run before")


def test_where_no_test_came_by_it_is_asked_anew_which_do(tmp_path: Path) -> None:
    """Code that has moved is new to the notes of tests, which are old."""
    tests, note = tmp_path / mutants.TESTS, tmp_path / "a.py.meta"
    for code, kept in ((0, True), (33, False)):
        tests.write_text("{}")
        note.write_text(json.dumps({"exit_code_by_key": {"a.x_1": code}}))
        mutants.try_again(tmp_path)
        assert tests.exists() is kept
