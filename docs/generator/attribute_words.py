"""What a class says of its attributes: the string below each, as type checkers' editors show it."""

from __future__ import annotations

import ast
import inspect
import textwrap


def attribute_words(cls: type) -> dict[str, str]:
    """Return the words on each annotated attribute that has some, those of base classes too; each
    in one line. The class's source must be there."""
    words: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        if base.__module__.partition(".")[0] != cls.__module__.partition(".")[0]:
            continue  # no class of ours
        (tree,) = ast.parse(textwrap.dedent(inspect.getsource(base))).body
        assert isinstance(tree, ast.ClassDef)
        for one, below in zip(tree.body, tree.body[1:], strict=False):
            match one, below:
                case (
                    ast.AnnAssign(target=ast.Name(id=name)),
                    ast.Expr(value=ast.Constant(value=str(text))),
                ):
                    words[name] = " ".join(text.split())
    return words
