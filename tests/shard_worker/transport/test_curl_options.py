"""Options of libcurl's handle: what is refused, and the addresses it is given."""

from __future__ import annotations

import pytest
from curl_cffi import Curl, CurlError

from cluster.discord.browser import browser
from shard_worker.transport import curl_options


def test_addresses() -> None:
    assert curl_options.address_of("wss://h/?v=10") == ("h", 443)
    assert curl_options.address_of("ws://[::1]:8/") == ("::1", 8)
    entry = curl_options.resolve_entry("h", 443, ["::1", "1.2.3.4", "::1"])
    assert entry == "+h:443:[::1],1.2.3.4"
    curl = Curl()
    with pytest.raises(CurlError, match="netscape"):
        curl_options.set_up(curl, "wss://h/", b"k", ca_file="", browser=browser("netscape"))
    curl.close()
