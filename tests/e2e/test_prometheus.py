"""A real Prometheus scrapes a cluster: what the dashboard asks has answers, and alerts come and go.

A worker is killed and a shard is silenced, as docs/operations.md says that it was tried.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest

from cluster.sandbox import SandboxInfo
from tests.deploy import quick_cluster
from tests.deploy.files import expressions
from tests.deploy.prometheus import BINARY, Prometheus, run_prometheus
from tests.e2e.home import COMMAND_S, Home, run_sandbox
from tests.e2e.test_http import free_port
from tests.e2e.watching import control_of, eventually, sandbox_of, shard_of, watching

pytestmark = pytest.mark.skipif(
    BINARY is None, reason="prometheus is not here: apt-get install prometheus"
)
SHARDS: Final = 4
HUSHED: Final = 1
"""The shard that is silenced."""
LONG_S: Final = 600.0
"""Longer than the test takes."""
VARIABLE: Final = re.compile(r"label_values\((?P<series>.+), (?P<label>\w+)\)")
"""A query of Grafana's own: the values of a label."""
DID_NOT_HAPPEN: Final = {
    "Gaps and replays: A",
    *(where for where, expression in expressions().items() if "dcgw_host_" in expression),
}
"""Queries that have no data: nothing was lost, and there are no other hosts."""
Row = dict[str, Any]


def test_a_real_prometheus_sees_it_all(home: Home, tmp_path: Path) -> None:
    address = f"127.0.0.1:{free_port()}"
    home.env["DCGW_HTTP_LISTEN"] = address
    world: dict[str, Any] = {
        "guilds": 16,
        "rate": 200.0,
        "shards": SHARDS,
        "max_concurrency": SHARDS,
        # A shard that is silenced is to be silent, not to miss the answers to its heartbeats.
        "heartbeat_interval_ms": 1000 * int(LONG_S),
    }
    with run_sandbox(**world) as info:
        home.use(info)
        start(home)
        with run_prometheus(tmp_path, address) as prometheus:
            asyncio.run(scenario(home, info, prometheus))
            stop = home.cli("stop")
            assert stop.returncode == 0, stop.stderr
            alerts = asyncio.run(eventually(asking(prometheus), lambda now: "DcgwDown" in now))
            assert [one["labels"]["instance"] for one in alerts["DcgwDown"]] == [address]
    assert home.leftovers() == []


def start(home: Home) -> None:
    program = [sys.executable, "-P", quick_cluster.__file__]
    done = subprocess.run(
        [*program, "start", "--detach", "--shards", str(SHARDS), "--workers", "2"],
        env=home.env,
        capture_output=True,
        text=True,
        timeout=COMMAND_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def asking(prometheus: Prometheus) -> Callable[[], Awaitable[dict[str, list[Row]]]]:
    """Return what asks for the alerts that fire."""
    return partial(asyncio.to_thread, prometheus.firing)


async def scenario(home: Home, info: SandboxInfo, prometheus: Prometheus) -> None:
    firing = asking(prometheus)
    async with sandbox_of(info) as sandbox, control_of(home) as control, watching(home, "a bot"):
        for known in (
            f"dcgw_shards_ready == {SHARDS} and on () sum(increase(dcgw_events_total[5s])) > 0",
            'increase(dcgw_subscriber_events_total{subscriber="a bot"}[10s]) > 0',
        ):
            await eventually(partial(asyncio.to_thread, prometheus.samples, known), bool)
        await eventually(firing, lambda now: now == {})

        status = await control.status()
        silent_with = shard_of(status, HUSHED).worker
        victim = next(worker for worker in status.workers if worker.slot != silent_with)
        assert victim.pid is not None
        neighbour = next(
            shard.shard_id
            for shard in status.shards
            if shard.worker == silent_with and shard.shard_id != HUSHED
        )
        # What the dashboard shows happens: a command, a close, heartbeats of those that come anew.
        await control.shard(neighbour).update_presence()
        await sandbox.fault(kind="heartbeat_interval", ms=3000)
        await sandbox.fault(kind="close", shard=neighbour, code=4000)
        await sandbox.fault(kind="stall", shard=HUSHED, seconds=LONG_S)
        os.kill(victim.pid, signal.SIGKILL)

        alerts = await eventually(firing, lambda now: "DcgwWorkerRestarted" in now)
        assert [one["labels"]["worker"] for one in alerts["DcgwWorkerRestarted"]] == [
            str(victim.slot)
        ]
        alerts = await eventually(firing, lambda now: "DcgwShardSilent" in now)
        assert str(HUSHED) in [one["labels"]["shard"] for one in alerts["DcgwShardSilent"]]
        check_words(alerts)
        unanswered = partial(asyncio.to_thread, without_data, prometheus)
        await eventually(unanswered, lambda empty: empty <= DID_NOT_HAPPEN)

        await sandbox.clear_faults()
        await eventually(firing, lambda now: now == {})


def check_words(alerts: dict[str, list[Row]]) -> None:
    """What an alert says is written out, and names the cluster."""
    for alert in itertools.chain(*alerts.values()):
        for text in alert["annotations"].values():
            assert "{{" not in text
            assert "<error" not in text
        assert alert["annotations"]["summary"].startswith(alert["labels"]["instance"])


def without_data(prometheus: Prometheus) -> set[str]:
    """Ask every query of the dashboard; return which have no data. AssertionError: one that is
    refused."""
    empty = set()
    for where, expression in expressions().items():
        if variable := VARIABLE.fullmatch(expression):
            series = {"match[]": variable["series"]}
            found = prometheus.ask(f"label/{variable['label']}/values", **series)
        else:
            expression = expression.replace("$instance", ".+").replace("$__rate_interval", "10s")
            now = time.time()
            asked = {"query": expression, "start": str(now - 30), "end": str(now), "step": "1"}
            found = prometheus.ask("query_range", **asked)["result"]
        if not found:
            empty.add(where)
    return empty
