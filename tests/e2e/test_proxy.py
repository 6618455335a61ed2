"""A cluster, `doctor` and a GatewayClient behind a proxy that alone knows where Discord is."""

from __future__ import annotations

import asyncio
import datetime
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from cluster.sandbox import SandboxInfo
from cluster.sandbox.http.certificates import make_certificates
from tests.connect_proxy import ConnectProxy, connect_proxy, interceptor
from tests.e2e.home import COMMAND_S, Home, run_sandbox
from tests.e2e.test_doctor import findings
from tests.e2e.watching import control_of, eventually

API, GATEWAY = "discord.test", "gateway.test"
USER = "user:s3cr/et"

CLIENT = """
import asyncio, os
from dcgw import GatewayClient
async def main():
    token = os.environ["DCGW_TOKEN"]
    async with GatewayClient.connect(token, intents="all", shard=(1, 2)) as client:
        print(type(await client.next_event()).__name__, client.state)
asyncio.run(main())
"""


@contextmanager
def proxy_to(info: SandboxInfo, folder: Path) -> Iterator[tuple[ConnectProxy, Path]]:
    """Run a proxy, in a thread, that opens TLS on the way to the sandbox. Yields it and the file of
    its certificates' authority."""
    ca, chain, key = make_certificates(datetime.datetime.now(datetime.UTC), (API, GATEWAY))
    ca_file, pair = folder / "proxy-ca.pem", folder / "proxy.pem"
    ca_file.write_bytes(ca)
    pair.write_bytes(chain + key)
    ours = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ours.load_cert_chain(pair)
    ours.set_alpn_protocols(["http/1.1"])
    theirs = ssl.create_default_context(cafile=info.ca_file)
    port = urlsplit(info.api_url).port
    assert port is not None
    up, over = threading.Event(), asyncio.Event()
    made: list[ConnectProxy] = []

    async def serve() -> None:
        made_loop.append(asyncio.get_running_loop())
        async with interceptor(ours, port, theirs) as opened:
            ports = {f"{API}:443": opened, f"{GATEWAY}:443": opened}
            async with connect_proxy(ports, user=USER) as proxy:
                made.append(proxy)
                up.set()
                await over.wait()

    made_loop: list[asyncio.AbstractEventLoop] = []
    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    try:
        assert up.wait(COMMAND_S)
        yield made[0], ca_file
    finally:
        made_loop[0].call_soon_threadsafe(over.set)
        thread.join()


def test_all_goes_through_the_proxy_and_names_are_its_own(home: Home, tmp_path: Path) -> None:
    with (
        run_sandbox(shards=1, max_concurrency=2) as info,
        proxy_to(info, tmp_path) as (proxy, ca_file),
    ):
        home.use(info)
        home.env |= {
            "DCGW_API_URL": info.api_url.replace(urlsplit(info.api_url).netloc, API),
            "DCGW_GATEWAY_URL": f"wss://{GATEWAY}",
            "DCGW_CA_FILE": str(ca_file),
            "HTTPS_PROXY": f"http://{USER.replace('/', '%2F')}@{proxy.address}",
        }
        found = findings(home)
        assert {row["state"] for row in found.values()} == {"ok"}, found
        assert found["proxy"]["text"].endswith(f"through {proxy.address} (HTTPS_PROXY)")
        assert set(proxy.asked) == {f"{API}:443", f"{GATEWAY}:443"}
        assert "s3cr" not in str(found)
        proxy.asked.clear()

        start = home.cli("start", "--detach")
        assert start.returncode == 0, start.stderr

        async def ready() -> None:
            async with control_of(home) as control:
                await eventually(control.status, lambda status: status.state == "ready")

        asyncio.run(ready())
        assert set(proxy.asked) == {f"{API}:443", f"{GATEWAY}:443"}, "workers know of it"
        proxy.asked.clear()
        client = subprocess.run(
            [sys.executable, "-c", CLIENT],
            env=home.env, capture_output=True, text=True, timeout=COMMAND_S, check=False,
        )  # fmt: skip
        assert client.stdout == "Ready ready\n", client.stderr
        assert f"{GATEWAY}:443" in proxy.asked
        assert home.cli("stop").returncode == 0
        logs = "".join(log.read_text() for log in home.state.rglob("*.log"))
        assert "s3cr" not in logs + start.stdout + start.stderr
    assert home.leftovers() == []
