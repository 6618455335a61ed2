"""Half a surrogate pair in JSON: what msgspec refuses is read all the same, and the bytes stay."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.decode_errors import MALFORMED, decoded, without_lone_surrogates
from cluster.events import GuildMemberUpdate, decode
from cluster.subscriber import Event
from cluster.subscriber.guild_filter import GuildFilter

LONE = b'{"guild_id":"5","user":{"id":"7","username":"\\ud800x"},"roles":[]}'

texts = st.text(st.sampled_from('ud8\\"/\u00e9\U0001f600\ud83d\ude00\udfff\ufffdx\n'), max_size=12)
documents = st.recursive(
    texts | st.integers(-9, 9) | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)


def whole(value: Any) -> Any:
    """Return a document with U+FFFD for what is half a pair."""
    if isinstance(value, str):
        return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    if isinstance(value, list):
        return [whole(one) for one in value]
    if isinstance(value, dict):
        return {whole(key): whole(one) for key, one in value.items()}
    return value


@given(documents)
def test_every_document_is_read_at_the_same_length(document: Any) -> None:
    text = json.dumps(document).encode()
    mended = without_lone_surrogates(text)
    assert len(mended) == len(text)
    again = json.loads(text)
    assert (mended is text) == (whole(again) == again)
    assert decoded(msgspec.json.decode, text) == json.loads(mended) == whole(again)


@pytest.mark.parametrize("text", [b'"\\uD800"', b'"\\uDbff"', b'"\\udC00"', b'"\\uDFFF"'])
def test_hexadecimal_digits_are_of_either_case(text: bytes) -> None:
    assert decoded(msgspec.json.decode, text) == "\ufffd"


@pytest.mark.parametrize("text", [b'"\\ud80', b'"\\ud800', b"\\ud800", b'"\\uzzzz\\ud800"', b""])
def test_what_is_no_json_is_refused_all_the_same(text: bytes) -> None:
    with pytest.raises(MALFORMED):
        decoded(msgspec.json.decode, text)


def test_an_event_is_typed_and_read_and_keeps_its_bytes() -> None:
    event = Event.make("GUILD_MEMBER_UPDATE", 0, 1, 1, 5, LONE, 0, "store")
    typed = event.typed()
    assert isinstance(typed, GuildMemberUpdate)
    assert typed.user.username == "\ufffdx"
    assert typed.data == event.data == LONE
    assert event.json()["user"]["username"] == "\ufffdx"
    assert decode("GUILD_MEMBER_UPDATE", LONE) == typed


def test_a_guild_s_event_passes_the_filter() -> None:
    guilds = GuildFilter([5])
    assert guilds.takes("GUILD_MEMBER_UPDATE", LONE)
    assert not guilds.takes("GUILD_MEMBER_UPDATE", LONE.replace(b'"5"', b'"6"'))
    assert guilds.unreadable == 0
