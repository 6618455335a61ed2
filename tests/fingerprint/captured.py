"""How we and a real Chromium introduce ourselves to the same server on loopback."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import datetime
import hashlib
import json
import os
import shutil
import signal
import ssl
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from cluster.doctor.fingerprint.capture import HELLO, Capture, CaptureServer
from cluster.doctor.fingerprint.client_hello import EXTENSIONS, GREASE, ClientHello
from cluster.sandbox.http.certificates import make_certificates
from shard_worker.transport.transport import Transport

WAIT_S = 30.0
SAID = [
    '{"op":1,"d":42}',
    '{"op":1,"d":43}',
    '{"op":3,"d":{"status":"online","since":0,"activities":[],"afk":false}}',
    "",
    '{"op":1,"d":44}',
]
"""Texts that a client sends over its WebSocket, short enough for small frames."""
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
TRUST_ANCHORS, ECH = 51764, 65037


class ChromiumCaptures(NamedTuple):
    """What a Chromium sent, from the page to the WebSocket."""

    page: Capture
    fetch: Capture
    """A request to the API with a token, by the page's script."""
    websocket: Capture
    frames: list[tuple[int, bytes]]
    """What the WebSocket sent after its handshake: first byte and payload."""


class Trust(NamedTuple):
    """Certificates of the servers of one run."""

    context: ssl.SSLContext
    ca_file: Path
    pin: str
    """base64 of the SHA-256 of the server's public key, as Chromium takes it."""


@contextmanager
def trust() -> Iterator[Trust]:
    authority, chain, key = make_certificates(datetime.datetime.now(datetime.UTC))
    with tempfile.TemporaryDirectory(prefix="dcgw-fingerprint-") as folder:
        ca_file, pair = Path(folder) / "ca.pem", Path(folder) / "server.pem"
        ca_file.write_bytes(authority)
        pair.write_bytes(chain + key)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pair)
        context.num_tickets = 0  # a session that is resumed has an extension more
        public = x509.load_pem_x509_certificate(chain).public_key()
        spki = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        yield Trust(context, ca_file, base64.b64encode(hashlib.sha256(spki).digest()).decode())


def browser_path() -> str | None:
    """An installed Chromium or Chrome."""
    return next(filter(None, map(shutil.which, BROWSERS)), None)


@asynccontextmanager
async def running(browser: str, pin: str, url: str) -> AsyncIterator[asyncio.Task[bytes]]:
    """Run the browser without a window, on a page, with a profile of its own.

    The task ends when the browser does, and returns the end of its standard error.
    """
    with tempfile.TemporaryDirectory(
        prefix="dcgw-chromium-", ignore_cleanup_errors=True
    ) as profile:
        command = [
            *(browser, "--headless", "--disable-gpu", "--no-first-run", "--lang=en-US"),
            *("--disable-background-networking", "--disable-component-update"),
            *("--disable-dev-shm-usage", "--no-default-browser-check"),
            f"--user-data-dir={profile}",
            f"--ignore-certificate-errors-spki-list={pin}",  # this one key, and no other
            *(["--no-sandbox"] if os.geteuid() == 0 else []),  # root may not have one
            url,
        ]
        process = await asyncio.create_subprocess_exec(
            *command,
            start_new_session=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env={
                "PATH": os.environ["PATH"],
                "HOME": profile,
                "TMPDIR": profile,
                "LANGUAGE": "en_US",
            },
        )
        assert process.stderr is not None
        words = asyncio.create_task(_last_words(process.stderr))
        try:
            yield words
        finally:
            with contextlib.suppress(ProcessLookupError):  # all of it may have ended
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
            await words


async def _last_words(stderr: asyncio.StreamReader) -> bytes:
    """Read to the end of the stream; return its last 2000 bytes."""
    kept = b""
    while data := await stderr.read(4096):
        kept = (kept + data)[-2000:]
    return kept


PAGE = """<script>
const socket = new WebSocket("wss://localhost:%d/?v=9&encoding=json");
socket.onmessage = () => %s.forEach(text => socket.send(text));
fetch("/api/v9/gateway", {headers: %s});
</script>"""


async def capture_chromium(browser: str, given: Trust, own: Mapping[str, str]) -> ChromiumCaptures:
    """Let a browser open a page, which opens a WebSocket, sends SAID, and asks the API.

    own: headers that the page's script adds.
    """
    async with CaptureServer(given.context, nothing) as gateway:
        script = PAGE % (gateway.port, json.dumps(SAID), json.dumps(dict(own)))
        async with (
            CaptureServer(given.context, lambda _: ("text/html", script.encode())) as site,
            running(browser, given.pin, f"https://localhost:{site.port}/") as words,
        ):
            heard = asyncio.create_task(_heard(site, gateway))
            await asyncio.wait((heard, words), timeout=WAIT_S, return_when=asyncio.FIRST_COMPLETED)
            if heard.done():
                return heard.result()
            heard.cancel()
            stderr = words.result().decode(errors="replace") if words.done() else "it runs"
            raise AssertionError(
                f"{browser} introduced itself only so far: {site.captures}, {gateway.captures}; "
                f"failures: {site.failures + gateway.failures}; {stderr}"
            )


async def _heard(site: CaptureServer, gateway: CaptureServer) -> ChromiumCaptures:
    page = await site.wait_for(lambda c: c.request.startswith("GET / "))
    fetch = await site.wait_for(lambda c: "/api/" in c.request)
    websocket = await gateway.wait_for(lambda c: c.is_websocket)
    await gateway.wait_until(lambda: len(gateway.frames) >= len(SAID))
    return ChromiumCaptures(page, fetch, websocket, gateway.frames)


async def our_frames(given: Trust) -> list[tuple[int, bytes]]:
    """Send SAID by our transport; return the frames that came."""
    transport = Transport(ca_file=str(given.ca_file))
    try:
        async with CaptureServer(given.context, nothing) as gateway, asyncio.timeout(WAIT_S):
            receiver = Receiver()
            connection = transport.connect(f"wss://localhost:{gateway.port}/", receiver)
            await receiver.greeted
            for text in SAID:
                connection.send(text.encode())
            await gateway.wait_until(lambda: len(gateway.frames) >= len(SAID))
            return gateway.frames
    finally:
        await transport.close()


class Receiver:
    """Waits for HELLO, which comes compressed."""

    def __init__(self) -> None:
        self.greeted: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def on_connected(self) -> None:
        pass

    def on_connect_failed(self, cause: str, *, denied: bool) -> None:
        self.greeted.set_exception(AssertionError(cause))

    def on_message(self, payload: bytes) -> None:
        self.on_messages([payload], [])

    def on_messages(self, messages: list[bytes], texts: list[int]) -> None:
        assert messages == [HELLO]
        self.greeted.set_result(None)

    def on_closed(self, code: int | None, cause: str) -> None:
        pass

    def on_broken(self, cause: str) -> None:
        self.greeted.set_exception(AssertionError(cause))


def nothing(_: str) -> tuple[str, bytes]:
    return "text/plain", b""


def described(hello: ClientHello) -> dict[str, str]:
    """Extension -> its content in words, without what is drawn anew for each connection."""
    lists = {
        10: hello.groups,
        13: hello.signature_algorithms,
        43: hello.supported_versions,
    }
    out = {}
    for kind, data in hello.extensions:
        if kind in GREASE:
            continue
        text = data.hex()
        if kind in lists:
            text = ", ".join(map(_value, lists[kind]))
        elif kind == 51:
            text = ", ".join(f"{_value(group)} ({size} bytes)" for group, size in hello.key_shares)
        elif kind == TRUST_ANCHORS:
            text = ", ".join(sorted(anchors(data)))
            out["order of trust_anchors"] = (
                "sorted" if anchors(data) == sorted(anchors(data)) else "shuffled"
            )
        elif kind == ECH:
            text = "..."
        out[EXTENSIONS.get(kind, str(kind))] = text
    return out


def anchors(data: bytes) -> list[str]:
    """Read the ids of a trust_anchors extension: a list of strings of bytes."""
    ids, offset = [], 2
    while offset < len(data):
        ids.append(data[offset + 1 : offset + 1 + data[offset]].hex())
        offset += 1 + data[offset]
    return ids


def _value(value: int) -> str:
    return "GREASE" if value in GREASE else f"{value:04x}"


def differences(ours: ClientHello, theirs: ClientHello) -> dict[str, str]:
    """Extension -> what differs."""
    a, b = described(ours), described(theirs)
    return {
        name: f"ours {a.get(name, 'absent')}; theirs {b.get(name, 'absent')}"
        for name in sorted({*a, *b})
        if a.get(name) != b.get(name)
    }
