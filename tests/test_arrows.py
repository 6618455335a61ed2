"""Imports run one way, as the README's picture of the rooms says."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

FORBIDDEN = {
    "cluster": {"coordinator", "dcgw", "shard_worker"},
    "coordinator": {"dcgw", "shard_worker"},
    "dcgw": {"coordinator"},
    "shard_worker": {"coordinator", "dcgw"},
}
COMMAND = ROOT / "cluster" / "__main__.py"
"""``python -m cluster`` comes in by dcgw, as the installed command does."""
GROUND = {
    "cluster.decode_errors",
    "cluster.discord",
    "cluster.endpoints",
    "cluster.errors",
    "cluster.events",
    "cluster.ranges",
    "cluster.wire",
}
"""What cluster/wire may import of cluster: it is the floor that everything stands on."""
EVENTS = {"cluster.events", "cluster.decode_errors"}
"""What cluster/events may: a client in any process can decode events with nothing else."""


def imported(file: Path) -> set[str]:
    """Full names of the modules that a file imports, wherever in the file."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: relative import"
            names.add(node.module or "")
    return names


@pytest.mark.parametrize("package", FORBIDDEN)
def test_packages_import_one_way(package: str) -> None:
    files = list((ROOT / package).rglob("*.py"))
    assert files
    for file in files:
        if file == COMMAND:
            continue
        wrong = {name for name in imported(file) if name.split(".")[0] in FORBIDDEN[package]}
        assert not wrong, f"{file.relative_to(ROOT)} imports {sorted(wrong)}"


@pytest.mark.parametrize(("folder", "ground"), [("wire", GROUND), ("events", EVENTS)])
def test_the_wire_and_events_stand_on_the_ground(folder: str, ground: set[str]) -> None:
    for file in (ROOT / "cluster" / folder).rglob("*.py"):
        wrong = {
            name
            for name in imported(file)
            if name.split(".")[0] == "cluster"
            and name != "cluster"
            and not any(name == floor or name.startswith(floor + ".") for floor in ground)
        }
        assert not wrong, f"{file.relative_to(ROOT)} imports {sorted(wrong)}"


def test_whether_packages_are_ours_is_asked_before_any_is_imported() -> None:
    assert imported(COMMAND) == {"dcgw.__main__"}
    for file in ("installation.py", "lazy.py"):
        names = {name.split(".")[0] for name in imported(ROOT / "dcgw" / file)}
        assert names <= sys.stdlib_module_names | {"dcgw"}
