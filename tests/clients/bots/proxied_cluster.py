"""A sandbox, and a cluster on it with a gateway proxy: what bots connect to."""

from __future__ import annotations

import asyncio
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Set
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cluster.cache import Cache, CacheError
from cluster.endpoints.paths import cluster_paths
from cluster.sandbox import SandboxControl, SandboxInfo
from tests.chaos.host_processes import free_ports
from tests.clients.client_libraries import Library
from tests.e2e.home import Home, run_sandbox
from tests.e2e.watching import eventually

SHARDS: Final = 2
ANSWERS: Final = frozenset(
    ("GUILD_MEMBERS_CHUNK", "SOUNDBOARD_SOUNDS", "VOICE_SERVER_UPDATE", "CHANNEL_INFO",
     "RATE_LIMITED"),
)  # fmt: skip
"""What only they get who asked for it."""
NOT_COMPARED: Final = ANSWERS | {"READY", "RESUMED", "GUILD_CREATE", "GUILD_DELETE", "USER_UPDATE"}
"""That, what a session begins with, what the proxy makes itself, and what each shard is told."""

DISCORD_PY = Library(
    "discord.py commands.Bot",
    "tests.clients.bots.discord_py_bot",
    # The sandbox has interactions of commands that this bot does not have.
    always=(
        "^(PyNaCl|davey) is not installed, voice will NOT be supported$",
        "^Ignoring exception in command tree$",
    ),
)
HIKARI = Library("hikari GatewayBot", "tests.clients.bots.hikari_bot")
DISCORDJS = Library("discord.js Client", "bots/discordjs_bot.mjs", sees_bytes=False)

Content = tuple[str, str]
"""Name, hash of `d`."""


@dataclass(frozen=True)
class ProxiedCluster:
    home: Home
    sandbox: SandboxInfo
    listen: str
    """"ADDRESS:PORT" of the proxy."""
    sessions: frozenset[str]
    """The ids of the cluster's sessions."""

    @property
    def gateway_url(self) -> str:
        return f"ws://{self.listen}"

    def control(self) -> SandboxControl:
        return SandboxControl(self.sandbox.control_url, self.sandbox.control_token)

    def given(self) -> dict[str, Any]:
        """What a bot's process is told to be the proxy's client."""
        return {"gateway_url": self.gateway_url, "proxy_url": f"http://{self.listen}"}

    async def cached(self, control: SandboxControl) -> None:
        """Wait until the cluster's cache has come as far as the sandbox."""
        heads = {(row["shard"], row["seq"]) for row in await control.sessions()}
        folder = cluster_paths("default", self.home.env).cache

        async def places() -> set[tuple[int, int]]:
            try:
                with Cache(folder) as cache, cache.snapshot() as view:
                    return {(row[1], row[3]) for row in (view.position or {}).get("shards", [])}
            except CacheError:  # it begins
                return set()

        await eventually(places, lambda found: found == heads)


@contextmanager
def proxied_cluster(
    folder: Path, env: Mapping[str, str] | None = None, **options: Any
) -> Iterator[ProxiedCluster]:
    """Run a sandbox with these options, and a cluster with a proxy. env: further settings."""
    options = {"shards": SHARDS, "max_concurrency": 4, "identify_window_s": 0.2} | options
    with (
        tempfile.TemporaryDirectory(prefix="dcgw-") as sockets,
        run_sandbox(**options) as info,
    ):
        home = Home(folder, Path(sockets))
        home.use(info)
        listen = f"127.0.0.1:{free_ports(1)[0]}"
        home.env |= {
            "DCGW_PROXY_LISTEN": listen,
            "DCGW_CACHE_KEEP": "guilds,members,presences,users",
            "DCGW_SHARDS": str(SHARDS),
            **(env or {}),
        }
        try:
            start = home.cli("start", "--detach", "--wait", "--workers", "1")
            assert start.returncode == 0, start.stderr
            yield ProxiedCluster(home, info, listen, asyncio.run(_sessions(info)))
            stop = home.cli("stop")
            assert stop.returncode == 0, stop.stderr
            assert home.leftovers() == []
        finally:
            if home.processes():
                home.cli("stop")


async def _sessions(info: SandboxInfo) -> frozenset[str]:
    async with SandboxControl(info.control_url, info.control_token) as control:
        return frozenset(row["session"] for row in await control.sessions())


async def dispatched(
    control: SandboxControl, sessions: Set[str], after: int = 0
) -> Counter[Content]:
    """What these sessions were sent after a row of the ledger, and is compared."""
    counts: Counter[Content] = Counter()
    while rows := await control.ledger_dispatches(after):
        after = rows[-1]["n"]
        counts.update(
            (row["name"], row["hash"])
            for row in rows
            if row["session"] in sessions
            and not row.get("replayed")
            and row["name"] not in NOT_COMPARED
        )
    return counts


async def ledger_end(control: SandboxControl) -> int:
    """The number of the ledger's last row."""
    return int((await control.ledger_summary())["dispatches"])


def compared(receipts: list[Any]) -> Counter[Content]:
    """What came to a client, of what is compared."""
    return Counter((row[3], row[4]) for row in receipts if row[3] not in NOT_COMPARED)
