"""What a client asks for by the query of the gateway's URL."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.gateway_server.refusal import Refused
from cluster.proxy.server.greeting import Greeting, read_greeting


@pytest.mark.parametrize(
    ("query", "greeting"),
    [
        ("", Greeting(9, "")),
        ("v=10&encoding=json", Greeting(10, "")),
        ("encoding=json&v=9&compress=zlib-stream", Greeting(9, "zlib-stream")),
        ("v=10&compress=zstd-stream", Greeting(10, "zstd-stream")),
        ("v=10&compress=brotli", Greeting(10, "")),
        ("v=10&v=9", Greeting(10, "")),
        ("v=10&compress=&unheard-of=1", Greeting(10, "")),
    ],
)
def test_what_there_is(query: str, greeting: Greeting) -> None:
    assert read_greeting(query) == greeting


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("v=8", 4012),
        ("v=11", 4012),
        ("v=ten", 4012),
        ("v=10&encoding=etf", 4002),
        ("v=10&encoding=xml", 4002),
        ("&".join(f"a{n}=1" for n in range(17)), 4002),
    ],
)
def test_what_there_is_not(query: str, code: int) -> None:
    with pytest.raises(Refused) as refused:
        read_greeting(query)
    assert refused.value.code == code


def test_a_library_with_etf_is_told_what_to_set() -> None:
    with pytest.raises(Refused) as refused:
        read_greeting("v=10&encoding=etf")
    assert "encoding='etf'" in refused.value.log
    assert "erlpack" in refused.value.log


@given(st.text() | st.text("v=10&%encodingcompress;+"))
def test_any_query_is_read_or_refused(query: str) -> None:
    try:
        version = read_greeting(query).version
    except Refused:
        return
    assert version in (9, 10)
