"""Hears on loopback how we introduce ourselves, for `dcgw-cluster doctor --fingerprint`.

The request is made by the code that asks the API, and the WebSocket by the code of the workers (in
a process of its own, as for the other checks). Only the server that listens is made for this. Its
certificate is signed by an authority of its own, and verified.
"""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Final, Literal, NamedTuple

import msgspec

from cluster.discord import gateway_bot
from cluster.discord.account import USER_API_VERSION, new_launch
from cluster.doctor.fingerprint.capture import Capture, CaptureServer
from cluster.doctor.fingerprint.client_hello import EXTENSIONS, GREASE
from cluster.doctor.fingerprint.ja import ja3, ja3_hash, ja4, ja4_raw
from cluster.doctor.remote import GATEWAY_S, ask
from cluster.sandbox.http.certificates import Certificates
from cluster.wire import checks
from cluster.wire.control import error_of

TOKEN: Final = "made-up"
"""The token that the request bears: the real one has no business here."""
API_VERSION: Final = {"bot": 10, "user": USER_API_VERSION}


class Introductions(NamedTuple):
    """What was heard: a request to the API, and the opening of a WebSocket."""

    rest: Capture
    websocket: Capture


class Fingerprint(msgspec.Struct, frozen=True, kw_only=True):
    """What ``--json`` tells of one introduction."""

    what: Literal["rest", "websocket"]
    ja4: str
    ja4_r: str
    ja3: str
    """MD5 in hex. A client that shuffles its extensions, as Chrome does, has another one for each
    connection."""
    ja3n: str
    """MD5 in hex, with the extensions sorted."""
    ja3n_text: str
    alpn: list[str]
    """The protocols that were offered; the first was agreed on."""
    extensions: list[str]
    """The extensions in the order sent, by name where one is known."""
    akamai: str
    """The "Akamai" string; empty: it was not HTTP/2."""
    akamai_hash: str
    request: str
    headers: list[tuple[str, str]]


async def introductions(
    context: ssl.SSLContext,
    ca_file: Path,
    account: Literal["bot", "user"],
    client_build_number: int = 0,
) -> Introductions:
    """Ask a server of our own for the gateway and connect to it, and return what it heard.

    context: the server's. ca_file: PEM of the authority that vouches for it. Raises ClusterError.
    """

    def page(_: str) -> tuple[str, bytes]:
        limit = {"total": 1, "remaining": 1, "reset_after": 0, "max_concurrency": 1}
        answer = {"url": url, "shards": 1, "session_start_limit": limit}
        return "application/json", msgspec.json.encode(answer)

    async with CaptureServer(context, page) as server:
        url = f"wss://localhost:{server.port}"
        await gateway_bot.fetch(
            api_url=f"https://localhost:{server.port}/api",
            api_version=API_VERSION[account],
            token=TOKEN,
            account=account,
            client_build_number=client_build_number,
            launch=new_launch(),
            ca_file=str(ca_file),
        )
        check = checks.GatewayCheck(
            gateway_url=url, api_version=API_VERSION[account], compress="", ca_file=str(ca_file)
        )
        outcome = await ask("shard_worker.gateway_check", checks.encode(check), GATEWAY_S)
        if outcome.error is not None:
            raise error_of(outcome.error)
        return Introductions(
            await server.wait_for(lambda c: not c.is_websocket),
            await server.wait_for(lambda c: c.is_websocket),
        )


async def fingerprints(
    account: Literal["bot", "user"], client_build_number: int
) -> list[Fingerprint]:
    """Return our own fingerprints. client_build_number: a user account's. Raises ClusterError."""
    certificates = Certificates()
    try:
        heard = await introductions(
            certificates.server_context, certificates.ca_file, account, client_build_number
        )
    finally:
        certificates.close()
    return [fingerprint_of(heard.rest, "rest"), fingerprint_of(heard.websocket, "websocket")]


def fingerprint_of(capture: Capture, what: Literal["rest", "websocket"]) -> Fingerprint:
    """Return what is told of a capture. Credentials are left out: made up as they are, a habit of
    showing them around is no good one."""
    hello, opening = capture.hello, capture.opening
    sorted_text = ja3(hello, sort=True)
    return Fingerprint(
        what=what,
        ja4=ja4(hello),
        ja4_r=ja4_raw(hello),
        ja3=ja3_hash(ja3(hello)),
        ja3n=ja3_hash(sorted_text),
        ja3n_text=sorted_text,
        alpn=[protocol.decode("latin-1") for protocol in hello.alpn],
        extensions=[
            "GREASE" if kind in GREASE else EXTENSIONS.get(kind, str(kind))
            for kind, _ in hello.extensions
        ],
        akamai=opening.akamai if opening else "",
        akamai_hash=opening.akamai_hash if opening else "",
        request=capture.request,
        headers=[
            (name, "<hidden>" if name.lower() == "authorization" else value)
            for name, value in capture.headers
        ],
    )
