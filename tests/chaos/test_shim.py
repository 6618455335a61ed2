"""What the driver changes in the product's processes is still there to be changed."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

from tests.chaos.shim import mutants


def fresh_copy(name: str) -> ModuleType:
    """Execute a module once more, beside the one that everybody has."""
    spec = importlib.util.find_spec(name)
    assert spec is not None
    assert spec.loader is not None
    copy = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(copy)
    return copy


def names_in(module: ModuleType) -> set[str]:
    """Every name of a module, and of the classes in it."""
    classes = [value for value in vars(module).values() if isinstance(value, type)]
    return {*vars(module), *(f"{kind.__name__}.{name}" for kind in classes for name in vars(kind))}


def test_short_times_name_what_there_is() -> None:
    finders = list(sys.meta_path)
    try:
        shim = importlib.import_module("tests.chaos.shim.sitecustomize")
        for name, values in shim.SHORT.items():
            module = importlib.import_module(name)
            missing = [value for value in values if not hasattr(module, value)]
            assert not missing, f"{name} has no {missing} any more"
    finally:
        sys.meta_path[:] = finders


def test_mutants_change_what_there_is() -> None:
    for mutant, patches in mutants.MUTANTS.items():
        for name, patch in patches.items():
            copy = fresh_copy(name)
            names = names_in(copy)
            patch(copy)
            assert names_in(copy) == names, f"{mutant} sets what {name} has not"


def test_every_mutant_is_tested() -> None:
    text = (Path(__file__).parent / "test_mutants.py").read_text()
    assert [name for name in mutants.MUTANTS if f'"{name}"' not in text] == []
