"""What people copy from the pages: commands that there are, with options that they take, and
configurations whose keys exist."""

from __future__ import annotations

import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from cluster.cli import main
from cluster.config.loading import SCHEMA

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted((*DOCS.glob("*.md"), *DOCS.glob("*/*.md")))]
COMMAND = re.compile(r"(?<![\w/-])dcgw-cluster ((?:[^`#|&;)\n\\]|\\\n)+)")
TOML = re.compile(r"```toml\n(.*?)```", re.S)
PLACEHOLDER = re.compile(r"[A-Z]+|\.\.\.")


def commands(text: str) -> Iterator[list[str]]:
    """Yield the words of each command of ours whose first word is a verb."""
    for found in COMMAND.finditer(text):
        try:
            words = shlex.split(found[1].replace("\\\n", " "))
        except ValueError:  # the rest of a sentence, with an apostrophe
            words = found[1].split()
        if words and words[0] in main.list_commands(click.Context(main)):
            yield words


def wrong(words: list[str]) -> str:
    """Return what the command line does not know of a command; empty: it knows all of it."""
    command: click.Command = main
    for word in words:
        context = click.Context(command)
        if isinstance(command, click.Group) and not word.startswith("-"):
            if PLACEHOLDER.match(word):
                return ""
            below = command.get_command(context, word)
            if below is None:
                return f"no {word} under {command.name}"
            command = below
        elif word.startswith("--"):
            options = {name for one in command.get_params(context) for name in one.opts}
            options |= {name for one in command.get_params(context) for name in one.secondary_opts}
            if (option := re.match(r"--[\w-]*", word)) and option[0] not in options | {"--help"}:
                return f"no {option[0]} of {command.name}"
    return ""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_is_one(page: Path) -> None:
    assert [(words, why) for words in commands(page.read_text()) if (why := wrong(words))] == []


def test_what_is_wrong_is_seen() -> None:
    text = "`dcgw-cluster start --sandbox`\ndcgw-cluster keys ad NAME\ndcgw-cluster status --al | x"
    assert [wrong(words) for words in commands(text)] == [
        "",
        "no ad under keys",
        "no --al of status",
    ]
    assert len([words for page in PAGES for words in commands(page.read_text())]) > 100


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_configuration_has_keys_that_exist(page: Path) -> None:
    for text in TOML.findall(page.read_text()):
        columns = text.splitlines()[0].split("# ")
        if len(columns) > 2:  # two files beside each other
            continue
        assert set(SCHEMA.flatten(tomllib.loads(text), page.name)) <= set(SCHEMA.keys), text
