"""logfmt that is written is read again as it was, in one line, whatever is in it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.logs.logfmt import decode, encode, quoted

KEYS = st.from_regex(r"[A-Za-z_][A-Za-z0-9_.-]{0,9}", fullmatch=True)
TEXTS = st.text(max_size=40) | st.text(st.sampled_from('a "=\\\n\r\t\x00\x7f\x85\u2028é\U0001f600'))


@given(st.dictionaries(KEYS, TEXTS, max_size=6))
def test_what_is_written_is_read(fields: dict[str, str]) -> None:
    line = encode(fields)
    assert len(line.splitlines()) <= 1
    assert line.isprintable() or not any(ord(c) < 32 for c in line)
    assert decode(line) == (fields, "")


@given(st.text(st.characters(categories=["Cs", "Ll"]), max_size=10))
def test_halves_of_surrogate_pairs_are_replaced(text: str) -> None:
    line = encode({"a": text})
    line.encode()
    (read,) = decode(line)[0].values()
    assert read == text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


@given(st.text(max_size=80))
def test_any_line_is_read(line: str) -> None:
    fields, rest = decode(line)
    assert line.endswith(rest)
    assert all(isinstance(value, str) for value in fields.values())


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("plain", "plain"),
        ("", '""'),
        ("a b", '"a b"'),
        ("a=b", '"a=b"'),
        ('say "no"', r'"say \"no\""'),
        ("C:\\x", r'"C:\\x"'),
        ("two\nlines", r'"two\nlines"'),
        ("\u2028", r'"\u2028"'),
        ("é", "é"),
        ("wss://localhost:1/?v=10", '"wss://localhost:1/?v=10"'),
        ("3", '"3"'),
        ("-1e5", '"-1e5"'),
        ("true", '"true"'),
        (3, "3"),
        (2.5, "2.5"),
        (True, "true"),
        (None, "null"),
    ],
)
def test_how_values_are_written(value: object, written: str) -> None:
    assert encode({"k": value}) == f"k={written}"


def test_a_key_that_is_none_is_refused() -> None:
    for key in ("", "a b", "a=b", 'a"', "ä"):
        with pytest.raises(ValueError, match="no key"):
            encode({key: 1})


def test_what_follows_the_fields_is_told_apart() -> None:
    assert decode('a=1 b="x y" and more') == ({"a": "1", "b": "x y"}, "and more")


def test_a_quoted_text_is_json() -> None:
    assert quoted('a"\n\x7f') == '"a\\"\\n\\u007f"'
