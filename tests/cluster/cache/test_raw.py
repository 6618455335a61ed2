"""JSON texts that are changed without being read."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from cluster.cache.raw import with_id

_others = st.sampled_from(("id", "{", 'la"st', '"last":', "last "))
_inner = st.recursive(
    st.none() | st.integers(0, 9) | st.sampled_from(("1", '"last":', '\\"last":"2"', "{", "")),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(_others, inner, max_size=3),
    max_leaves=8,
)
_objects = st.dictionaries(st.just("last") | _others, _inner, max_size=4)


@given(_objects)
def test_another_id_in_a_field_and_nothing_else(value: dict[str, Any]) -> None:
    changed = with_id(msgspec.json.encode(value), b"last", Raw(b'"77"'))
    assert msgspec.json.decode(changed) == value | {"last": "77"}


@pytest.mark.parametrize("last", [b"null", b'"1"', b'""', b"1", b'{"a":1}', b'"a"'])
def test_whatever_was_in_the_field(last: bytes) -> None:
    text = b'{"id":"5","last":%b,"z":1}' % last
    assert with_id(text, b"last", Raw(b'"77"')) == b'{"id":"5","last":"77","z":1}'
    assert with_id(b'{"id":"5"}', b"last", Raw(b'"77"')) == b'{"id":"5","last":"77"}'


def test_a_name_in_a_text_is_none() -> None:
    text = msgspec.json.encode({"topic": '"last":"1"', "id": "5"})
    changed = msgspec.json.decode(with_id(text, b"last", Raw(b'"77"')))
    assert changed == {"topic": '"last":"1"', "id": "5", "last": "77"}


def test_where_an_inner_object_has_the_name_too_all_is_read() -> None:
    text = b'{"a":{"last":"1"},"last":"2"}'
    assert with_id(text, b"last", Raw(b'"77"')) == b'{"a":{"last":"1"},"last":"77"}'
