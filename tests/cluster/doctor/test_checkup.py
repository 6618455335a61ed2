"""Which checks `doctor` makes where something is missing, with the processes it asks played."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from cluster.config.coordinator_spec import CoordinatorSpec
from cluster.config.loading import Loaded, load
from cluster.doctor import Finding, remote
from cluster.doctor.checkup import findings
from cluster.errors import ClusterError
from cluster.wire import checks
from cluster.wire.control import failure_of

PLAN = checks.StartPlan(shards=64, workers=1, fullest=64, assumed=True)


@pytest.fixture
def env(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    for name in ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    return {"DCGW_STATE_DIR": str(tmp_path / "state"), "DCGW_RUNTIME_DIR": str(tmp_path / "run")}


def found(
    monkeypatch: pytest.MonkeyPatch, loaded: Loaded, error: ClusterError | None = None
) -> tuple[dict[str, Finding], list[str]]:
    """Return the findings by check, and the gateways that were tried. error: the API's."""
    tried: list[str] = []

    async def api(spec: CoordinatorSpec) -> checks.Outcome:
        assert spec.on_sandbox == (not spec.token)
        return checks.Outcome(error=failure_of(error) if error else None, plan=PLAN)

    async def gateway(spec: CoordinatorSpec, url: str) -> Finding:
        tried.append(url)
        return Finding(check="gateway", state="ok", text=url)

    async def gather() -> dict[str, Finding]:
        return {finding.check: finding async for finding in findings(loaded)}

    monkeypatch.setattr(remote, "api", api)
    monkeypatch.setattr(remote, "gateway", gateway)
    return asyncio.run(gather()), tried


def test_without_a_token(env: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    seen, tried = found(monkeypatch, load(env=env))
    assert [name for name, one in seen.items() if one.state == "failed"] == ["token"]
    assert (seen["identifies"].state, seen["gateway"].text) == ("skipped", "needs the token")
    assert "64 shards of a worker" in seen["descriptors"].text
    assert "1 journal takes" in seen["disk"].text
    assert tried == []


def test_with_a_token_that_is_refused(env: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = load(env=env | {"DCGW_TOKEN": "t", "DCGW_GATEWAY_URL": "wss://gateway.example"})
    seen, tried = found(monkeypatch, loaded, ClusterError("refused", "get another"))
    assert (seen["token"].state, seen["token"].action) == ("failed", "get another")
    assert seen["identifies"].text == "needs the API's answer"
    assert {"descriptors", "disk"} <= seen.keys()
    assert tried == ["wss://gateway.example"]


def test_behind_a_proxy_the_gateway_is_tried_in_any_case(
    env: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "proxy:3128")
    seen, tried = found(monkeypatch, load(env=env))
    assert tried == ["wss://gateway.discord.gg"]
    assert "through proxy:3128 (HTTPS_PROXY)" in seen["proxy"].text
    monkeypatch.setenv("HTTPS_PROXY", "ftp://proxy")
    seen, tried = found(monkeypatch, load(env=env))
    assert (tried, seen["proxy"].state) == ([], "failed")


def test_a_mistake_in_the_configuration_is_not_the_token_s(
    env: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = load(env=env | {"DCGW_TOKEN": "t", "DCGW_CA_FILE": "/nowhere/ca.pem"})
    seen, _ = found(monkeypatch, loaded)
    assert (seen["config"].state, "/nowhere/ca.pem" in seen["config"].text) == ("failed", True)
    assert "token" not in seen
    assert {seen[name].state for name in ("state", "sockets")} == {"ok"}
    assert seen["disk"].state == "skipped"
