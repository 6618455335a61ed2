"""The cache as a child: what it is told, and that it is there only where something is kept."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import msgspec
import pytest

from cluster.cache.spec import CacheSpec
from cluster.config.coordinator_spec import CoordinatorSpec
from cluster.config.keys import CacheConfig, ProxyConfig
from cluster.discord.intents import Intents
from coordinator.children.cache import CacheProcess, cache_spec
from coordinator.children.family import Children
from coordinator.happenings.record import HappeningRecord

WITHIN_S = 60.0
STOP_S = 10.0


def spec(folder: Path, cache: CacheConfig, proxy: ProxyConfig | None = None) -> CoordinatorSpec:
    return CoordinatorSpec(
        name="t", state_dir=str(folder), runtime_dir=str(folder), token="very secret", hubs=2,
        intents=int(Intents.GUILDS), cache=cache, proxy=proxy or ProxyConfig(),
    )  # fmt: skip


def test_it_is_told_all_but_secrets(short_folder: Path) -> None:
    what = spec(short_folder, CacheConfig(keep=["users"], bytes=1 << 25))
    data = cache_spec(what, "store id")
    assert b"secret" not in data
    told, paths = msgspec.json.decode(data, type=CacheSpec), what.paths
    assert told.keep == ("guilds", "users")
    assert (told.max_bytes, told.cluster) == (1 << 25, "store id")
    assert told.events == [paths.events_of(0), paths.events_of(1)]
    assert (told.replay, told.control) == (paths.replay, paths.control)
    assert told.folder == str(paths.state_dir / "cache")
    assert told.log_file == str(paths.logs / "cache.log")


@pytest.mark.parametrize(
    ("cache", "proxy", "there_is_one"),
    [
        (CacheConfig(), ProxyConfig(), False),
        (CacheConfig(keep="guilds"), ProxyConfig(), True),
        (CacheConfig(), ProxyConfig(listen="127.0.0.1:0"), True),
    ],
)
def test_there_is_one_where_something_is_kept(
    cache: CacheConfig, proxy: ProxyConfig, there_is_one: bool, short_folder: Path
) -> None:
    record = HappeningRecord(lambda: 0.0, lambda: 0.0)
    what = spec(short_folder, cache, proxy)
    made = Children.make(what, "id", None, None, record, lambda: 0.0, token="very secret")
    assert (made.cache is not None) == there_is_one


def test_it_runs_once_it_has_started(short_folder: Path) -> None:
    what = spec(short_folder, CacheConfig(keep=["guilds"]))
    what.paths.logs.mkdir()

    async def scenario() -> None:
        cache = CacheProcess(what, "id", time.monotonic, STOP_S)
        async with asyncio.timeout(WITHIN_S):
            await cache.start()
            assert (what.paths.cache / "data.mdb").exists()
            await cache.close()

    asyncio.run(scenario())
