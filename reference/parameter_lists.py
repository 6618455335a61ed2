"""What mkdocstrings is given to read docstrings with (``mkdocs.yml`` names this file)."""

from __future__ import annotations

from typing import Any

import griffe

from reference.docstrings import with_lists


class ParameterLists(griffe.Extension):
    """Makes lists of the parameters of every function that the site shows."""

    def on_function(self, *, func: griffe.Function, **_: Any) -> None:
        """Called for each function when its module has been read."""
        if func.docstring is not None:
            names = [parameter.name for parameter in func.parameters]
            func.docstring.value = with_lists(func.docstring.value, names)
