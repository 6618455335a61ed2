"""The page of the command line, and what becomes of links to files and of docstrings."""

from __future__ import annotations

import re
from pathlib import Path

import click

from cluster.cli import VERBS, main
from docs.generator.command_line import WIDTH, command_line
from docs.generator.docstrings import with_lists
from docs.generator.line_breaks import with_line_breaks
from docs.generator.repository_files import as_page, linked, moved, page_of, with_links_to_pages

ROOT = Path(__file__).parents[2]


def test_every_verb_is_on_the_page_of_the_command_line() -> None:
    page = command_line(main, "dcgw-cluster")
    for verb, line in VERBS.items():
        assert f"\n## dcgw-cluster {verb}\n" in page
        assert f"{verb}  " in page, line
    assert "\n### dcgw-cluster send presence\n" in page
    assert "Usage: dcgw-cluster send presence [OPTIONS]" in page
    blocks = re.findall(r"```text\n(.*?)\n```\n", page, re.S)
    assert len(blocks) == len(re.findall(r"^##+ ", page, re.M))
    assert max(map(len, "\n".join(blocks).splitlines())) <= WIDTH + 10


def test_what_is_hidden_is_not_shown() -> None:
    group = click.Group("top", commands=[click.Command("seen"), click.Command("not", hidden=True)])
    page = command_line(group, "top")
    assert "## top seen\n" in page
    assert "## top not\n" not in page


def test_links_to_files_of_the_repository_lead_to_pages() -> None:
    text = "[a](../configs/a.toml), [b](../CONTRIBUTING.md#how), [c](security.md), [d](#e)"
    assert linked(text) == {"configs/a.toml", "CONTRIBUTING.md"}
    assert with_links_to_pages(text) == (
        "[a](files/configs/a.toml.md), [b](contributing.md#how), [c](security.md), [d](#e)"
    )
    assert page_of("examples/bot.py") == "files/examples/bot.py.md"


def test_a_file_as_a_page() -> None:
    assert as_page("a/b.toml", "x = 1\n\n") == "# a/b.toml\n\n```toml\nx = 1\n```\n"
    assert as_page("a.py", "'''```'''\n").splitlines()[2] == "````python"
    assert as_page("CHANGELOG.md", "see [x](docs/x.md)") == "see [x](x.md)"
    assert moved("[docs/x.md](docs/x.md#y)") == "[docs/x.md](x.md#y)"


def test_parameters_that_are_told_in_sentences_are_a_list() -> None:
    text = "Do it. six: none.\none: the first,\nand more. two, three: both; one: no. three: it."
    text += "\nRaises X."
    assert with_lists(text, ["self", "one", "two", "three"]).split("\n") == [
        "Do it. six: none.", "", "- `one`: the first,", "  and more.",
        "- `two`, `three`: both; one: no.", "- `three`: it.", "", "Raises X.",
    ]  # fmt: skip
    assert with_lists("A. b: c", []) == "A. b: c"
    assert with_lists("Note: nothing.\n\n    one: code", ["one"]) == (
        "Note: nothing.\n\n    one: code"
    )


def test_names_in_tables_are_broken_between_words() -> None:
    cell = "<td align='left'><code>{}</code> a_b</td>"
    broken = {
        "GUILD_CREATE": "GUILD_<wbr>CREATE",
        "GuildCreate": "Guild<wbr>Create",
        "a/b.py::test_it": "a/<wbr>b.<wbr>py::<wbr>test_<wbr>it",
        "&lt;uid&gt;": "&lt;uid&gt;",
        "/status": "/status",
    }
    for name, parts in broken.items():
        assert with_line_breaks(cell.format(name)) == cell.format(parts)
    assert with_line_breaks("<p><code>a_b</code></p>") == "<p><code>a_b</code></p>"
