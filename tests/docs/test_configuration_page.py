"""The page of the configuration: every key, with what the code says of it."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from cluster.config.loading import SCHEMA, VARIABLES
from cluster.config.schema import Schema
from docs.generator.attribute_words import attribute_words
from docs.generator.commented_file import Entry, Section, sections
from docs.generator.configuration import configuration

COMMENTED = (Path(__file__).parents[2] / "configs" / "cluster.toml").read_text()


class Table(msgspec.Struct):
    size: int = 3
    """How large
    it is."""
    odd: bool = False


class Root(Table):
    depth: int | None = None
    inner: Table = msgspec.field(default_factory=Table)


TEXT = """\
# About the file.
#   size = 7

# How large; `a*b*c` and a*b*c, in docs/security.md.
size = 3
odd = false

# ---- Depths: of many kinds ----

# Down there. Default: none.
# depth = 4
# Said of nothing.

# What is inside.

[inner]
# Of both.
size = 3
odd = false
"""
VARIABLES_OF_TEXT = {f"DCGW_{key.upper().replace('.', '_')}": key for key in Schema(Root).keys}


def test_sections_of_the_file() -> None:
    assert sections(TEXT, Schema(Root).keys) == [
        Section(
            "The cluster",
            "",
            [
                Entry("size", "How large; `a*b*c` and a*b*c, in docs/security.md.", shared=True),
                Entry("odd", ""),
            ],
        ),
        Section("Depths: of many kinds", "", [Entry("depth", "Down there.")]),
        Section(
            "[inner]", "", [Entry("inner.size", "Of both.", shared=True), Entry("inner.odd", "")]
        ),
    ]


def test_words_below_attributes_those_of_base_classes_too() -> None:
    assert attribute_words(Root) == {"size": "How large it is."}


def test_an_entry() -> None:
    text = TEXT.replace("odd = false\n", "\n# Whether.\nodd = false\n")
    page = configuration(Schema(Root), text, VARIABLES_OF_TEXT)
    assert "## `[inner]` { #inner }\n" in page
    assert (
        "### `size` { #size }\n\n`DCGW_SIZE` · a whole number · default: `3`\n{ .facts }\n\n"
        r"How large; `a*b*c` and a\*b\*c, in [docs/security.md](security.md)."
    ) in page
    assert "`DCGW_DEPTH` · a whole number · default: none\n" in page


class Pair(msgspec.Struct):
    one: int = 1
    """The first."""
    two: int = 2
    """The second."""


def test_where_words_are_about_several_keys_each_has_its_own() -> None:
    text = "# About.\n\n# {}\none = 1\n{}two = 2\n"
    variables = {"DCGW_ONE": "one", "DCGW_TWO": "two"}
    shared = configuration(Schema(Pair), text.format("Of both.", ""), variables)
    assert [word in shared for word in ("The first.", "The second.", "Of both.")] == [1, 1, 0]
    apart = configuration(Schema(Pair), text.format("Of one.", "\n# Of two.\n"), variables)
    assert [word in apart for word in ("Of one.", "Of two.", "The first.")] == [1, 1, 0]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (TEXT, "nothing says what odd is"),
        (TEXT.replace("# depth", "# deepth"), "lacks .*depth"),
    ],
)
def test_a_key_of_which_nothing_is_said(text: str, said: str) -> None:
    if "deepth" in text:
        text = text.replace("odd = false\n", "\n# Whether.\nodd = false\n")
    with pytest.raises(ValueError, match=said):
        configuration(Schema(Root), text, VARIABLES_OF_TEXT)


def test_every_key_is_there_once_with_its_variable() -> None:
    page = configuration(SCHEMA, COMMENTED, VARIABLES)
    headings = re.findall(r"^### `([\w.]+)` \{ #\1 \}$", page, re.M)
    assert sorted(headings) == sorted(SCHEMA.keys)
    for variable in VARIABLES:
        assert page.count(f"\n`{variable}` · ") == 1
    assert "`DCGW_IDENTIFY_MARGIN_MS` · a whole number from 0 to 86400000 · default: `250`" in page
