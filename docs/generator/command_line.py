"""The entries of docs/reference/command-line.md: what ``--help`` says of each verb, from click."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import click

WIDTH: Final = 88
"""Columns that a block of the page shows without being scrolled."""


def command_line(command: click.Command, name: str) -> str:
    """Return what the page has of a command and those under it, in Markdown."""
    return "".join(_sections(command, name, None))


def _sections(command: click.Command, name: str, parent: click.Context | None) -> Iterator[str]:
    settings: dict[str, Any] = {**command.context_settings, "terminal_width": WIDTH}
    settings["max_content_width"] = WIDTH
    context = click.Context(command, parent=parent, info_name=name, **settings)
    depth = 2 if parent is None or parent.parent is None else 3
    yield f"\n{'#' * depth} {context.command_path}\n\n```text\n{command.get_help(context)}\n```\n"
    if isinstance(command, click.Group):
        for verb in command.list_commands(context):
            below = command.get_command(context, verb)
            if below is not None and not below.hidden:
                yield from _sections(below, verb, context)
