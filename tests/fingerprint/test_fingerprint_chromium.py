"""We against a Chromium that is installed here: TLS, HTTP/2, headers, permessage-deflate.

Chromium is often newer than the browser whose handshakes libcurl knows. What differs in TLS is told
extension by extension, as a warning, so that it stands in every run's output.
"""

from __future__ import annotations

import asyncio
import re
import warnings
from collections.abc import Iterator

import pytest

from cluster.discord.browser import Browser, browser
from cluster.doctor.fingerprint.capture import Capture
from cluster.doctor.fingerprint.client_hello import ClientHello
from cluster.doctor.fingerprint.ja import ja3, ja4
from cluster.doctor.introductions import Introductions, introductions
from tests.fingerprint.captured import (
    BROWSERS,
    SAID,
    ChromiumCaptures,
    Trust,
    browser_path,
    capture_chromium,
    described,
    differences,
    our_frames,
    trust,
)

BROWSER = browser_path()
pytestmark = pytest.mark.skipif(
    BROWSER is None,
    reason=f"none of {', '.join(BROWSERS)} is installed (Debian: apt-get install chromium)",
)
MOST_DIFFERENCES = 3
"""Extensions. With more, curl_cffi's newest browser has fallen behind: look for a newer one."""


OWN = ("Authorization", "X-Debug-Options", "X-Super-Properties", "X-Discord-Locale")
"""What the page's script adds to a request; the rest is the browser's."""


@pytest.fixture(scope="module")
def given() -> Iterator[Trust]:
    with trust() as made:
        yield made


@pytest.fixture(scope="module")
def theirs(given: Trust) -> ChromiumCaptures:
    assert BROWSER is not None
    made = browser().fetch_headers(authorization="x", super_properties="x")
    own = {name: value for name, value in made.items() if name in OWN}
    return asyncio.run(capture_chromium(BROWSER, given, own))


@pytest.fixture(scope="module")
def ours(given: Trust) -> Introductions:
    return asyncio.run(introductions(given.context, given.ca_file, "user"))


def version_of(capture: Capture) -> int:
    agent = next(v for n, v in capture.headers if n.lower() == "user-agent")
    found = re.search(r"Chrome/([0-9]+)\.", agent)
    assert found is not None
    return int(found[1])


def compare(what: str, ours: ClientHello, theirs: ClientHello, versions: str) -> None:
    """The lists that no version of the last years changed are equal; the rest is reported."""
    assert described(ours).keys() <= described(theirs).keys(), "we send what Chrome does not"
    assert ours.greased == theirs.greased
    assert ours.alpn == theirs.alpn
    assert ja3(ours).split(",")[1] == ja3(theirs).split(",")[1], "cipher suites"
    assert (ours.version, ours.record_version) == (theirs.version, theirs.record_version)
    assert ours.session_id_bytes == theirs.session_id_bytes
    found = differences(ours, theirs)
    lines = [f"{what}: {versions}", f"  JA4 {ja4(ours)}, theirs {ja4(theirs)}"]
    for name, content in described(theirs).items():
        lines.append(f"  {name}: {found.get(name, f'the same ({content})')}")
    print("\n".join(lines))
    if found:
        differing = [f"  {name}: {words}" for name, words in found.items()]
        # The class is no test's own: pytest-xdist can't hand another one on.
        warnings.warn("\n".join([*lines[:2], *differing]), UserWarning, stacklevel=2)
    assert len(found) <= MOST_DIFFERENCES


def test_the_client_hello_of_the_websocket(ours: Introductions, theirs: ChromiumCaptures) -> None:
    versions = f"{browser().target} and Chromium {version_of(theirs.websocket)}"
    compare("WebSocket", ours.websocket.hello, theirs.websocket.hello, versions)
    assert ours.websocket.hello.alpn == [b"http/1.1"]
    assert ja4(ours.websocket.hello) == ja4(theirs.websocket.hello)


def test_the_client_hello_of_rest(ours: Introductions, theirs: ChromiumCaptures) -> None:
    versions = f"{browser().target} and Chromium {version_of(theirs.page)}"
    compare("REST", ours.rest.hello, theirs.page.hello, versions)
    assert ours.rest.hello.alpn == [b"h2", b"http/1.1"]
    assert ja4(ours.rest.hello) == ja4(theirs.page.hello)


def test_http2(ours: Introductions, theirs: ChromiumCaptures) -> None:
    """Settings, window, priorities and pseudo-headers."""
    assert ours.rest.opening is not None
    assert theirs.page.opening is not None
    assert ours.rest.opening.akamai == theirs.page.opening.akamai
    assert ours.rest.opening.priority == theirs.page.opening.priority
    assert ours.rest.opening.akamai == "1:65536;2:0;4:6291456;6:262144|15663105|0|m,a,s,p"


def same_but_for_versions(headers: list[tuple[str, str]], own: set[str]) -> list[tuple[str, str]]:
    """own: names whose values are a connection's or a page's own."""
    out = []
    for name, value in headers:
        text = value.replace("HeadlessChrome", "Chrome")
        text = "..." if name.lower() in own else re.sub(r"Chrome/[0-9]+\.", "Chrome/N.", text)
        out.append((name, text))
    return out


def test_the_websocket_s_handshake(ours: Introductions, theirs: ChromiumCaptures) -> None:
    """Names, their case and order, and values: Connection, too."""
    assert ours.websocket.request == theirs.websocket.request
    own = {"host", "origin", "sec-websocket-key"}
    found = same_but_for_versions(ours.websocket.headers, own)
    assert found == same_but_for_versions(theirs.websocket.headers, own)
    assert ("Connection", "Upgrade") in found
    assert [name for name, _ in found][:3] == ["Host", "Connection", "Pragma"]


def test_what_a_user_client_asks_the_api(ours: Introductions, theirs: ChromiumCaptures) -> None:
    """A user client asks the API as a page's script does."""
    own = {":authority", "authorization", "x-super-properties", "referer", "sec-ch-ua"}
    found = same_but_for_versions(ours.rest.headers, own)
    assert found == same_but_for_versions(theirs.fetch.headers, own)


def test_the_brand_that_means_nothing(theirs: ChromiumCaptures) -> None:
    """The brand changes with the version, and ours does by the same rule."""
    said = dict(theirs.fetch.headers)["sec-ch-ua"].split(", ")
    system = browser().system
    made = Browser(target="", major=version_of(theirs.fetch), system=system).brands.split(", ")
    assert set(said) <= set(made)
    assert any(brand.startswith('"Not') for brand in said)


def test_compressed_messages(given: Trust, theirs: ChromiumCaptures) -> None:
    """What a server that accepts permessage-deflate is sent, byte by byte."""
    frames = asyncio.run(our_frames(given))
    assert frames[: len(SAID)] == theirs.frames[: len(SAID)]
    assert [first for first, _ in theirs.frames[: len(SAID)]] == [0xC1] * len(SAID), "RSV1, text"
    assert sum(len(payload) for _, payload in frames) < sum(map(len, SAID))
