"""What the driver changes in the product's processes is still there to be changed."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

from tests.chaos.shim import mutants


def test_short_times_and_mutants_name_what_there_is() -> None:
    finders = list(sys.meta_path)
    try:
        shim = importlib.import_module("tests.chaos.shim.sitecustomize")
        for name, values in shim.SHORT.items():
            module = importlib.import_module(name)
            missing = [value for value in values if not hasattr(module, value)]
            assert not missing, f"{name} has no {missing} any more"
        for patches in mutants.MUTANTS.values():
            for name in patches:
                importlib.import_module(name)
    finally:
        sys.meta_path[:] = finders


def test_every_mutant_is_tested() -> None:
    text = (Path(__file__).parent / "test_mutants.py").read_text()
    assert [name for name in mutants.MUTANTS if f'"{name}"' not in text] == []
