"""URLs of the gateway: made, or refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.errors import ConfigError
from shard_worker.protocol.gateway_url import gateway_url
from shard_worker.transport.curl_options import address_of


def test_urls() -> None:
    assert gateway_url("wss://gateway.discord.gg", 10, "zlib-stream") == (
        "wss://gateway.discord.gg/?v=10&encoding=json&compress=zlib-stream"
    )
    assert gateway_url("ws://localhost:8080/proxy?x=1", 9, "") == (
        "ws://localhost:8080/proxy?v=9&encoding=json"
    )
    for bad in (
        *("ws://gateway.discord.gg", "http://localhost", "gateway.discord.gg", "wss://"),
        *("wss://h:99999", "wss://h:0", "wss://h:x", "wss://[::1", "wss://:443"),
    ):
        with pytest.raises(ConfigError):
            gateway_url(bad, 10, "")


@given(st.one_of(st.text(max_size=30), st.from_regex(r"wss?://[^/]{0,12}(:[0-9]{1,6})?/?")))
def test_a_server_s_url_is_usable_or_refused(url: str) -> None:
    """READY brings one: it must not end the worker, which would resume with it again."""
    try:
        made = gateway_url(url, 10, "")
    except ConfigError:
        return
    host, port = address_of(made)
    assert host
    assert 0 < port < 65_536
