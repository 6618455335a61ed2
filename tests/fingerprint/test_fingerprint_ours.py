"""What we send on loopback, against what the browser's profile in curl_cffi sends by itself."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from curl_cffi.requests import AsyncSession

from cluster.discord.browser import browser
from cluster.doctor.fingerprint.capture import Capture, CaptureServer
from cluster.doctor.fingerprint.client_hello import GREASE, ClientHello
from cluster.doctor.fingerprint.ja import ja3, ja4
from cluster.doctor.introductions import (
    TOKEN,
    Fingerprint,
    Introductions,
    fingerprint_of,
    introductions,
)
from shard_worker.transport.transport import Transport
from tests.fingerprint.captured import Receiver, Trust, described, nothing, trust

WAIT_S = 10.0
APPLICATION_SETTINGS, PRE_SHARED_KEY = 17613, 41


@pytest.fixture(scope="module")
def given() -> Iterator[Trust]:
    with trust() as made:
        yield made


@pytest.fixture(scope="module")
def ours(given: Trust) -> Introductions:
    return asyncio.run(introductions(given.context, given.ca_file, "bot"))


@pytest.fixture(scope="module")
def profile(given: Trust) -> Capture:
    """What curl_cffi alone sends as this browser."""

    async def ask() -> Capture:
        async with (
            CaptureServer(given.context, nothing) as server,
            AsyncSession(impersonate=browser().target, trust_env=False) as session,
        ):
            await session.get(f"https://localhost:{server.port}/", verify=str(given.ca_file))
            return server.captures[0]

    return asyncio.run(ask())


def test_rest_is_the_profile_s(ours: Introductions, profile: Capture) -> None:
    assert ja4(ours.rest.hello) == ja4(profile.hello)
    assert ja3(ours.rest.hello, sort=True) == ja3(profile.hello, sort=True)
    assert described(ours.rest.hello) == described(profile.hello)
    assert ours.rest.alpn == "h2"
    assert ours.rest.hello.alpn == [b"h2", b"http/1.1"]
    assert ours.rest.opening is not None
    assert profile.opening is not None
    assert ours.rest.opening.akamai == profile.opening.akamai
    assert ours.rest.opening.priority == profile.opening.priority


def test_the_websocket_is_the_profile_s_without_http2(
    ours: Introductions, profile: Capture
) -> None:
    """A WebSocket offers http/1.1 only, and with it no settings of HTTP/2."""
    hello, like = ours.websocket.hello, described(profile.hello)
    assert (ours.websocket.alpn, hello.alpn) == ("http/1.1", [b"http/1.1"])
    mine = described(hello)
    assert like.keys() - mine.keys() == {"application_settings"}
    assert hello.extension(APPLICATION_SETTINGS) is None
    other = {name for name, content in mine.items() if like[name] != content}
    assert other == {"application_layer_protocol_negotiation"}
    assert ja3(hello).split(",")[1] == ja3(profile.hello).split(",")[1]
    head, ciphers, _ = ja4(hello).split("_")
    assert (head[:4], head[-2:]) == ("t13d", "h1")
    assert ciphers == ja4(profile.hello).split("_")[1]


def test_grease_and_shuffled_extensions(ours: Introductions) -> None:
    """GREASE is in every list, and first and last of the extensions, which are shuffled between."""
    for hello in (ours.rest.hello, ours.websocket.hello):
        assert set(hello.greased.values()) == {True}, hello.greased
        kinds = [kind for kind, _ in hello.extensions]
        assert [n for n, kind in enumerate(kinds) if kind in GREASE] == [0, len(kinds) - 1]
        assert hello.ciphers[0] in GREASE
        assert kinds[1:-1] != sorted(kinds[1:-1])


def test_a_bot_says_that_it_is_one(ours: Introductions) -> None:
    """A bot says nothing that only a browser says."""
    assert [name for name, _ in ours.rest.headers if not name.startswith(":")] == [
        "user-agent",
        "accept",
        "accept-encoding",
        "authorization",
    ]
    assert dict(ours.rest.headers)["user-agent"].startswith("DiscordBot (dcgw-cluster, ")
    assert dict(ours.rest.headers)["authorization"] == f"Bot {TOKEN}"


def test_a_connection_resumes_the_tls_session_of_the_one_before() -> None:
    """A browser does so when it connects again to a server that it knows."""

    async def hellos() -> list[ClientHello]:
        with trust() as given:
            given.context.num_tickets = 2
            async with CaptureServer(given.context, nothing) as server:
                transport = Transport(ca_file=str(given.ca_file))
                try:
                    for _ in range(2):
                        receiver = Receiver()
                        connection = transport.connect(f"wss://localhost:{server.port}", receiver)
                        await receiver.greeted
                        connection.close(1000)
                        await connection.ended
                finally:
                    await transport.close()
                return [capture.hello for capture in server.captures]

    first, second = asyncio.run(hellos())
    assert first.extension(PRE_SHARED_KEY) is None
    assert [kind for kind, _ in second.extensions][-1] == PRE_SHARED_KEY, "the last, as it must be"
    assert {**described(first), "pre_shared_key": ""}.keys() == described(second).keys()


def test_what_is_reported_of_it(ours: Introductions) -> None:
    rest, websocket = fingerprint_of(ours.rest, "rest"), fingerprint_of(ours.websocket, "websocket")
    assert rest.ja4 == ja4(ours.rest.hello)
    assert rest.akamai.endswith("|m,a,s,p")
    assert (websocket.akamai, websocket.akamai_hash) == ("", "")
    assert websocket.request == "GET /?v=10&encoding=json HTTP/1.1"
    assert rest.request == "GET /api/v10/gateway/bot HTTP/2"
    assert ("authorization", "<hidden>") in rest.headers
    assert TOKEN not in repr((rest, websocket))
    assert {type(one) for one in (rest, websocket)} == {Fingerprint}
    assert rest.extensions[0] == "GREASE"
