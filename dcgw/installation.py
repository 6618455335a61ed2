"""Are the packages that would be imported dcgw-cluster's? Their names are ordinary words.

A bot with a ``cluster.py`` of its own beside it imports that one; ``pip install cluster``, another
distribution, writes its ``cluster/__init__.py`` over ours. So two things are asked of each package:
that it is found beside this one, since one distribution brings all five, and that its
``__init__.py`` bears a mark, since a file that was overwritten is where ours was. (The hashes in
the distribution's RECORD would tell the same, but not of an editable installation, and would have
to be computed at every start.) Nothing is imported: a foreign module may do anything then.

The command asks first of all, before Ctrl-C ends it in order: so this stands on nothing that takes
time to import, neither on `typing` nor on `importlib`.
"""

from __future__ import annotations

import os.path
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

PACKAGES: Final = ("cluster", "coordinator", "host_agent", "shard_worker")
MARK: Final = b"\n# A package of dcgw-cluster"
"""A line of each one's ``__init__.py``, after its docstring."""
MARK_WITHIN: Final = 4096
"""Bytes from the file's beginning."""
HOME: Final = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
REINSTALL: Final = "`pip install --force-reinstall --no-deps dcgw-cluster`"


class ForeignPackageError(ImportError):
    """A package of dcgw-cluster's is missing, or another of its name is found in its place.

    ``str(error)`` is one line: which file is in the way, then what to do.
    """


def check_packages() -> None:
    """Raise ForeignPackageError unless all packages are ours. It takes 0.2 ms."""
    for name in PACKAGES:
        found = _found(name)
        if found is None or not (_is_beside(found, name) and _is_marked(found)):
            raise ForeignPackageError(_explain(name, found), name=name, path=found)


def _found(name: str) -> str | None:
    """The file that an import of this name runs, or has run. None: there is none."""
    if name in sys.modules:
        return getattr(sys.modules[name], "__file__", None)
    for finder in sys.meta_path:  # as importlib.util.find_spec
        spec = finder.find_spec(name, None)
        if spec is not None:
            return spec.origin if spec.has_location else None
    return None


def _is_beside(file: str, name: str) -> bool:
    """Whether this is the ``__init__`` of a package in the folder that we are in."""
    folder, base = os.path.split(file)
    ours = os.path.join(HOME, name)
    same = folder == ours or os.path.realpath(folder) == os.path.realpath(ours)
    return same and base.startswith("__init__.")


def _is_marked(file: str) -> bool:
    """Whether the source bears our mark. One that can't be read is in an archive or was compiled
    into a program, where no installer overwrites it."""
    if not file.endswith(".py"):
        return True
    try:
        with open(file, "rb") as source:
            return MARK in source.read(MARK_WITHIN)
    except OSError:
        return True


def _explain(name: str, found: str | None) -> str:
    """The file in the way, and the way out."""
    if found is None:
        ours = os.path.join(HOME, name, "__init__.py")
        return f"dcgw-cluster's {ours} is missing: {REINSTALL}"
    if other := _distribution(found):
        return (
            f"{found} is of the distribution {other}, where dcgw-cluster needs its own package "
            f"{name}: `pip uninstall {other}`, then {REINSTALL}, or install one of the two into "
            "an environment of its own"
        )
    if _is_beside(found, name):
        return f"{found} is not dcgw-cluster's any more: {REINSTALL}"
    return (
        f"{found} is in the way of dcgw-cluster's package {name}: give it another name, "
        "or take it off the import path"
    )


def _distribution(file: str) -> str:
    """The name of another distribution that installed this file; empty: none did."""
    from importlib.metadata import distributions

    where = os.path.realpath(file)
    for distribution in distributions():
        name = distribution.metadata["Name"]
        if name == "dcgw-cluster":
            continue
        for path in distribution.files or ():
            if path.name == os.path.basename(file) and os.path.realpath(path.locate()) == where:
                return str(name)
    return ""
