"""The gateway proxy as a whole, with clients that know nothing but the Gateway: what they get is
what Discord dispatched, whatever ends and is started again in between."""

from __future__ import annotations

import asyncio
import datetime
import json
import os
import re
import signal
import ssl
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from cluster.control import ControlClient
from cluster.errors import AlreadyRunningError
from cluster.sandbox import SandboxControl
from cluster.sandbox.http.certificates import make_certificates
from cluster.wire.status import ClusterStatus
from tests.chaos.host_processes import free_ports
from tests.clients.bots.proxied_cluster import (
    NOT_COMPARED,
    Content,
    ProxiedCluster,
    dispatched,
    ledger_end,
    proxied_cluster,
)
from tests.clients.bots.raw_client import RawClient
from tests.e2e.home import Home, offer, run_sandbox
from tests.e2e.watching import control_of, eventually, identified, sandbox_of

PROCESSES: Final = 2
RATE: Final = 200.0
START_S: Final = 30.0


class Program:
    """A client's process, and those that follow on it: what they got, all together."""

    def __init__(self, cluster: ProxiedCluster, **options: Any) -> None:
        self.came: Counter[Content] = Counter()
        self.guilds = 0
        """GUILD_CREATEs that came since it was ready."""
        self.client = RawClient(
            cluster.gateway_url, cluster.sandbox.token, self._received, **options
        )

    def _received(self, name: str, digest: str, data: bytes) -> None:
        self.guilds += name == "GUILD_CREATE"
        if name not in NOT_COMPARED:
            self.came[name, digest] += 1

    async def begin(self) -> None:
        """Start a process, and wait until it has its guilds."""
        self.client.forget()
        self.client.ready.clear()
        self._running = asyncio.create_task(self.client.run())
        async with asyncio.timeout(START_S):
            await self.client.ready.wait()
        self.guilds = 0

    async def kill(self) -> None:
        """End the process without a word."""
        self.client.cut()
        self._running.cancel()
        await asyncio.gather(self._running, return_exceptions=True)

    async def has(self, expected: Counter[Content]) -> Counter[Content]:
        """Wait until all that is expected has come; return what came beyond that."""

        async def came() -> Counter[Content]:
            return self.came.copy()

        came_at_last = await eventually(came, lambda found: not expected - found)
        assert self.client.jumps == []
        return came_at_last - expected


@asynccontextmanager
async def programs(
    cluster: ProxiedCluster, *shards: tuple[int, int] | None
) -> AsyncIterator[list[Program]]:
    """Run clients of these shards, None: without any, that have begun."""
    found = [Program(cluster, shard=shard) for shard in shards]
    async with AsyncExitStack() as stack:
        for program in found:
            await program.begin()
            stack.push_async_callback(program.kill)
        yield found


async def traffic(control: SandboxControl, count: int) -> None:
    """Let so many events happen more."""
    end = await ledger_end(control) + count
    await control.traffic(rate=RATE)
    await eventually(control.ledger_summary, lambda summary: summary["dispatches"] >= end)


async def serving(control: ControlClient, count: int) -> ClusterStatus:
    """Return the status once so many processes of the proxy serve."""
    return await eventually(
        control.status, lambda status: sum(not one.trouble for one in status.proxies) == count
    )


def test_resumes_are_exact_and_a_resharding_and_a_restart_are_not_noticed(tmp_path: Path) -> None:
    async def scenario(cluster: ProxiedCluster) -> None:
        async with (
            cluster.control() as control,
            control_of(cluster.home) as own,
            programs(cluster, None, (0, 1), (0, 3), (1, 3), (2, 3)) as found,
        ):
            whole, thirds = found[:2], found[2:]
            after = await ledger_end(control)
            await traffic(control, 100)
            for _ in range(3):
                for program in found:
                    program.client.cut()
                await traffic(control, 60)
            await control.quiesce()
            expected = await dispatched(control, cluster.sessions, after)
            for program in whole:
                assert await program.has(expected) == Counter()
            await together(thirds, expected)
            for program in found:
                assert (program.client.identified, program.client.resumed) == (1, 3)
            least = 3 * expected.total()
            status = await eventually(
                own.status,
                lambda status: (
                    [(one.clients, one.events > least) for one in status.proxies]
                    == [(len(found), True)]
                ),
            )

            await control.traffic(rate=RATE)
            os.kill(status.proxies[0].pid, signal.SIGTERM)
            await eventually(own.status, partial(replaced, {status.proxies[0].pid}, 1))
            await control.quiesce()
            expected = await dispatched(control, cluster.sessions, after)
            for program in whole:
                assert await program.has(expected) == Counter(), "an end in order is exact, too"
            await together(thirds, expected)

            await control.traffic(rate=RATE)
            sessions = cluster.sessions
            for count in (3, 2):
                await own.reshard(count, 1.0)
                await traffic(control, 60)
                sessions |= {row["session"] for row in await control.sessions()}
            for command in (("stop",), ("start", "--detach", "--wait", "--workers", "1")):
                done = await asyncio.to_thread(cluster.home.cli, *command)
                assert done.returncode == 0, done.stderr
            await traffic(control, 60)
            await control.quiesce()
            # Discord dispatched to the shards of both counts at times; each client got it once.
            told = set(await dispatched(control, sessions, after))
            for program in whole:
                await program.has(Counter(dict.fromkeys(told, 1)))
            await together(whole[:1], whole[1].came)
            await together(thirds, whole[0].came)
            for program in found:
                assert program.client.closes == [1006, 1006, 1006, 4000, 4000]
                assert program.client.identified == 1
                assert program.guilds == 0, "guilds that it has are not told of again"

    with proxied_cluster(tmp_path, guilds=8) as cluster:
        asyncio.run(scenario(cluster))


async def together(some: list[Program], expected: Counter[Content]) -> None:
    """Wait until these have got between them what is expected, which may grow, and no more."""

    async def came() -> Counter[Content]:
        return sum((program.came for program in some), Counter())

    await eventually(came, lambda found: found == expected)
    assert [program.client.jumps for program in some] == [[] for _ in some]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProxiedCluster]:
    env = {"DCGW_PROXY_PROCESSES": str(PROCESSES)}
    with proxied_cluster(tmp_path_factory.mktemp("proxied"), env, guilds=8) as made:
        yield made


def test_a_client_killed_and_started_ten_times_misses_nothing(cluster: ProxiedCluster) -> None:
    async def scenario() -> None:
        async with cluster.control() as control, programs(cluster, (0, 1)) as (program,):
            before, after = await identified(control), await ledger_end(control)
            for _ in range(10):
                await traffic(control, 40)
                await program.kill()
                await program.begin()
            await control.quiesce()
            # What came after the last heartbeat before a kill may come twice.
            await program.has(await dispatched(control, cluster.sessions, after))
            assert program.client.identified == 11
            assert await identified(control) == before

    asyncio.run(scenario())


def test_processes_that_end_under_traffic_cost_no_event_and_no_identify(
    cluster: ProxiedCluster,
) -> None:
    async def scenario() -> None:
        async with (
            cluster.control() as control,
            control_of(cluster.home) as own,
            programs(cluster, *[(0, 1)] * 4) as found,
        ):
            before, after = await identified(control), await ledger_end(control)
            for number in (signal.SIGKILL, signal.SIGTERM):
                gone = {one.pid for one in (await serving(own, PROCESSES)).proxies}
                await traffic(control, 60)
                for pid in gone:
                    os.kill(pid, number)
                await traffic(control, 60)
                await eventually(own.status, partial(replaced, gone, PROCESSES))
            await control.quiesce()
            expected = await dispatched(control, cluster.sessions, after)
            for program in found:
                await program.has(expected)
                assert program.client.identified == 1
                assert program.client.closes[0] == 1006
            assert await identified(control) == before
            troubles = (await own.status()).troubles
            for one in range(PROCESSES):
                assert any(f"proxy {one} was restarted" in line for line in troubles)

    asyncio.run(scenario())


def replaced(gone: set[int], count: int, status: ClusterStatus) -> bool:
    """Return whether so many other processes of the proxy serve."""
    there = {one.pid for one in status.proxies if not one.trouble}
    return len(there - gone) == count


SECRETS: Final = ("0123456789abcdef0123", "fedcba9876543210fedc")


async def first_words(url: str, shown: str, tls: ssl.SSLContext | None = None) -> dict[str, Any]:
    """Identify; return READY, or how the connection ended."""
    async with connect(
        f"{url}/?v=10&encoding=json", ssl=tls, max_size=None, open_timeout=START_S
    ) as websocket:
        properties = {"os": "linux", "browser": "raw", "device": "raw"}
        identify = {"op": 2, "d": {"token": shown, "intents": 1, "properties": properties}}
        await websocket.recv()
        await websocket.send(json.dumps(identify))
        try:
            ready: dict[str, Any] = json.loads(await websocket.recv())
        except ConnectionClosed:
            return {"code": websocket.close_code}
    return ready


def test_tls_and_secrets_which_are_read_again(tmp_path: Path) -> None:
    authority, chain, key = make_certificates(datetime.datetime.now(datetime.UTC))
    files = {"chain.pem": chain, "key.pem": key, "secrets": f"music {SECRETS[0]}".encode()}
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
        (tmp_path / name).chmod(0o600)
    tls = ssl.create_default_context(cadata=authority.decode())
    env = {
        "DCGW_PROXY_CERTIFICATE": str(tmp_path / "chain.pem"),
        "DCGW_PROXY_PRIVATE_KEY": str(tmp_path / "key.pem"),
        "DCGW_PROXY_SECRETS_FILE": str(tmp_path / "secrets"),
    }

    async def scenario(cluster: ProxiedCluster) -> None:
        url = f"wss://{cluster.listen}"

        async def words(shown: str) -> dict[str, Any]:
            return await first_words(url, shown, tls)

        async with control_of(cluster.home) as own:
            status = await eventually(
                own.status, lambda status: any(not one.trouble for one in status.proxies)
            )
            assert status.proxy == url
            for shown in (cluster.sandbox.token, f"Bot {cluster.sandbox.token}", SECRETS[0]):
                ready = await words(shown)
                assert ready["t"] == "READY"
                assert ready["d"]["resume_gateway_url"] == url
            for shown in (SECRETS[1], "", "x" * 3000):
                assert await words(shown) == {"code": 4004}
            await eventually(own.status, lambda status: status.proxies[0].refused == 3)
            (tmp_path / "secrets").write_text(f"music {SECRETS[1]}")
            os.kill(status.pid, signal.SIGHUP)

            async def renewed() -> dict[str, Any]:
                return await words(SECRETS[1])

            await eventually(renewed, lambda ready: ready.get("t") == "READY")
            assert await words(SECRETS[0]) == {"code": 4004}
        logs = "".join(file.read_text() for file in cluster.home.state.glob("*/logs/*"))
        for secret in (*SECRETS, cluster.sandbox.token):
            assert secret not in logs

    with proxied_cluster(tmp_path, env, guilds=2) as cluster:
        asyncio.run(scenario(cluster))


def test_a_newcomer_starts_it_on_a_sandbox_and_a_second_one_has_no_place(home: Home) -> None:
    options = (
        "start",
        "--sandbox",
        "--proxy",
        "--shards",
        "1",
        "--workers",
        "1",
        "--detach",
        "--wait",
    )
    try:
        said = home.cli(*options, "--guilds", "2")
        assert said.returncode == 0, said.stderr
        (url,) = re.findall(r"Bots connect to (ws://\S+) ", said.stdout)
        file = Path(re.findall(r"^For a bot .* (\S+)$", said.stdout, re.MULTILINE)[0])
        token = re.findall(r"DISCORD_TOKEN='?([^'\n]+)", file.read_text())[0]
        ready = asyncio.run(first_words(url, token))
        assert len(ready["d"]["guilds"]) == 2

        home.env["DCGW_PROXY_LISTEN"] = url.removeprefix("ws://")
        said = home.cli(*options, "--name", "second")
        assert said.returncode == AlreadyRunningError.exit_code
        assert said.stderr.count("\n") == 1, said.stderr
        assert f"{home.env['DCGW_PROXY_LISTEN']} can't be used" in said.stderr
        assert "give [proxy] listen another port" in said.stderr
    finally:
        home.cli("stop", "--name", "sandbox")
    assert home.leftovers() == []


def test_a_proxy_on_another_host_keeps_a_copy_of_the_cache(home: Home, tmp_path: Path) -> None:
    offer(home)
    (tmp_path / "secrets").write_text(f"music {SECRETS[0]}")
    (tmp_path / "secrets").chmod(0o600)
    keys = tmp_path / "bots.key"
    home.env |= {"DCGW_CACHE_KEEP": "guilds,members", "DCGW_INTENTS": "all"}
    added = home.cli("keys", "add", "bots", "--may", "send", "--may", "cache", "--out", str(keys))
    assert added.returncode == 0, added.stderr
    options = ("--secrets", str(tmp_path / "secrets"), "--listen", f"127.0.0.1:{free_ports(1)[0]}")

    async def scenario(url: str) -> None:
        async with sandbox_of(info) as sandbox, control_of(home) as own:
            sessions = frozenset(row["session"] for row in await sandbox.sessions())
            far = ProxiedCluster(home, info, url.removeprefix("ws://"), sessions)
            program = Program(far)
            program.client.token = SECRETS[0]
            await program.begin()
            after = await ledger_end(sandbox)
            await traffic(sandbox, 100)
            await sandbox.quiesce()
            # The second process gives what the first was not known to have got once more.
            await program.has(await dispatched(sandbox, sessions, after))
            await program.client.send(
                3, {"since": None, "activities": [], "status": "dnd", "afk": False}
            )
            await eventually(sandbox.commands, lambda sent: any(c["op"] == 3 for c in sent))
            status = await eventually(own.status, lambda status: bool(status.proxies))
            assert [(one.key, one.listens) for one in status.proxies] == [("bots", url)]
            await program.kill()

    with run_sandbox(guilds=4, shards=2, max_concurrency=2, identify_window_s=0.2) as info:
        home.use(info)
        home.env["DCGW_SHARDS"] = "2"
        start = home.cli("start", "--detach", "--wait", "--workers", "1")
        assert start.returncode == 0, start.stderr
        try:
            for _ in range(2):  # the second goes on with the copy that the first has left
                with far_proxy(home, "--keys", str(keys), *options) as url:
                    asyncio.run(scenario(url))
        finally:
            home.cli("stop")
    assert home.leftovers() == []


@contextmanager
def far_proxy(home: Home, *options: str) -> Iterator[str]:
    """Run `dcgw-cluster proxy` until the block ends; give where it listens."""
    command = [sys.executable, "-P", "-m", "cluster", "proxy", *options]
    with subprocess.Popen(command, env=home.env, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            (url,) = re.findall(r"Bots connect to (ws://\S+) ", process.stdout.readline())
            yield url
        finally:
            process.terminate()
        assert process.wait(START_S) == 0
