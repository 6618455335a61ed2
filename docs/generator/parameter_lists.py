"""What mkdocstrings is given to read docstrings with (``mkdocs.yml`` names this file)."""

from __future__ import annotations

from typing import Any

import griffe

from docs.generator.docstrings import with_lists


class ParameterLists(griffe.Extension):
    """Makes lists of the parameters that docstrings tell of."""

    def on_function(self, *, func: griffe.Function, **_: Any) -> None:
        """Called for each function when its module has been read."""
        _listed(func)

    def on_class(self, *, cls: griffe.Class, **_: Any) -> None:
        """Called for each class: its docstring may tell of what it is made with."""
        _listed(cls)


def _listed(told: griffe.Function | griffe.Class) -> None:
    if told.docstring is not None:
        names = [parameter.name for parameter in told.parameters]
        told.docstring.value = with_lists(told.docstring.value, names)
