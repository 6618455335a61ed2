"""A real Prometheus on loopback, and what it is asked."""

from __future__ import annotations

import contextlib
import json
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import yaml

from tests.deploy.files import PROMETHEUS
from tests.progress import progress

BINARY: Final = shutil.which("prometheus")
START_S: Final = 60.0
ASK_S: Final = 30.0


class Prometheus:
    """A running one."""

    def __init__(self, url: str) -> None:
        self._url = url

    def ask(self, path: str, **query: str | list[str]) -> Any:
        """Return the data of an answer of its API. AssertionError: it refuses, and says why."""
        url = f"{self._url}/api/v1/{path}?{urllib.parse.urlencode(query, doseq=True)}"
        try:
            with urllib.request.urlopen(url, timeout=ASK_S) as response:
                answer = json.load(response)
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{query}: {error.read().decode()}") from None
        assert answer["status"] == "success", answer
        assert not answer.get("warnings"), answer
        return answer["data"]

    def samples(self, expression: str) -> list[dict[str, Any]]:
        """Return what an expression gives now: a row {metric, value} a series."""
        result = self.ask("query", query=expression)["result"]
        assert isinstance(result, list)
        return result

    def firing(self) -> dict[str, list[dict[str, Any]]]:
        """Return the alerts that fire, by name: {labels, annotations, ...} each."""
        found: dict[str, list[dict[str, Any]]] = {}
        for alert in self.ask("alerts")["alerts"]:
            if alert["state"] == "firing":
                found.setdefault(alert["labels"]["alertname"], []).append(alert)
        return found


def quick_rules(text: str) -> str:
    """Return alert rules that wait for seconds where ours wait for minutes."""
    rules = yaml.safe_load(text)
    for group in rules["groups"]:
        for rule in group["rules"]:
            if "for" in rule:
                rule["for"] = "1s"
            for window in ("[5m]", "[10m]", "[15m]", "[30m]"):
                rule["expr"] = rule["expr"].replace(window, "[15s]")
    return yaml.safe_dump(rules)


def _is_ready(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/-/ready", timeout=ASK_S):
            return True
    except OSError:
        return False


@contextlib.contextmanager
def run_prometheus(folder: Path, target: str) -> Iterator[Prometheus]:
    """Let one scrape a cluster, HOST:PORT, by our files, with seconds for minutes."""
    assert BINARY is not None
    configuration = yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text())
    configuration["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    configuration["scrape_configs"][0]["static_configs"] = [{"targets": [target]}]
    (folder / "prometheus.yml").write_text(yaml.safe_dump(configuration))
    for name in configuration["rule_files"]:
        (folder / name).write_text(quick_rules((PROMETHEUS / name).read_text()))
    with socket.create_server(("127.0.0.1", 0)) as held:
        address = f"127.0.0.1:{held.getsockname()[1]}"
    with (folder / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(
            [
                BINARY,
                f"--config.file={folder / 'prometheus.yml'}",
                f"--storage.tsdb.path={folder / 'tsdb'}",
                f"--web.listen-address={address}",
                "--log.level=warn",
            ],
            stdout=log,
            stderr=log,
            cwd=folder,
        )
    try:
        until = time.monotonic() + START_S
        while not _is_ready(f"http://{address}"):
            ended = process.poll()
            assert ended is None, (folder / "prometheus.log").read_text()
            assert time.monotonic() < until, "Prometheus is not ready"
            time.sleep(0.1)
        progress()
        yield Prometheus(f"http://{address}")
    finally:
        process.terminate()
        try:
            process.wait(START_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
