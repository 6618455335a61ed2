"""`doctor` as a person runs it: what is right is said, what is wrong is named with a way out."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

from tests.e2e.home import Home, run_sandbox
from tests.e2e.watching import identified, sandbox_of


def findings(home: Home, *arguments: str, code: int = 0) -> dict[str, dict[str, Any]]:
    """Run `doctor --json`; return its findings by check."""
    done = home.cli("doctor", "--json", *arguments)
    assert done.returncode == code, done.stderr + done.stdout
    assert "Traceback" not in done.stderr
    return {row["check"]: row for row in json.loads(done.stdout)}


def test_all_is_well(home: Home) -> None:
    with run_sandbox(shards=2) as info:
        home.use(info)
        found = findings(home)
        assert {row["state"] for row in found.values()} == {"ok"}, found
        assert "recommends 2 shards" in found["token"]["text"]
        assert "HELLO" in found["gateway"]["text"]
        assert "GUILD_MEMBERS" in found["intents"]["text"]
        assert "ulimit" not in found["descriptors"]["text"]
        text = home.cli("doctor")
        assert text.stdout.rstrip().endswith("A start would work.")
        assert info.token not in text.stdout + text.stderr

        async def spent() -> int:
            async with sandbox_of(info) as sandbox:
                return await identified(sandbox)

        assert asyncio.run(spent()) == 0
    assert home.leftovers() == []


def test_on_a_sandbox_of_its_own(home: Home) -> None:
    assert {row["state"] for row in findings(home, "--sandbox").values()} == {"ok"}
    assert home.leftovers() == []


def test_what_a_server_sees_of_us(home: Home) -> None:
    """No token is needed, and the one that there is goes nowhere."""
    home.env["DCGW_TOKEN"] = "bm90LXNob3du.not.shown"
    done = home.cli("doctor", "--fingerprint", "--json")
    assert done.returncode == 0, done.stderr
    assert "not.shown" not in done.stdout + done.stderr
    rest, websocket = json.loads(done.stdout)
    assert (rest["what"], websocket["what"]) == ("rest", "websocket")
    assert rest["akamai"] == "1:65536;2:0;4:6291456;6:262144|15663105|0|m,a,s,p"
    assert websocket["headers"][1] == ["Connection", "Upgrade"]
    assert home.leftovers() == []


def test_a_wrong_token(home: Home) -> None:
    with run_sandbox() as info:
        home.use(info)
        home.env["DCGW_TOKEN"] = "bm90LW91cnM.wrong.wrong"
        found = findings(home, code=1)
    assert found["token"]["state"] == "failed"
    assert "DCGW_TOKEN" in found["token"]["action"]
    assert "wrong.wrong" not in json.dumps(found)
    assert found["gateway"]["state"] == "skipped"


def test_no_token(home: Home) -> None:
    """All but the token is looked at all the same; the gateway, where its URL is known."""
    home.env |= {"DCGW_GATEWAY_URL": "ws://127.0.0.1:9", "DCGW_WORKERS": "3"}
    found = findings(home, code=1)
    assert "token_file" in found["token"]["action"]
    assert found["packages"]["state"] == "ok"
    assert found["identifies"]["state"] == "skipped"
    assert "64 shards of a worker need up to 192" in found["descriptors"]["text"]
    assert "3 journals take" in found["disk"]["text"]
    assert "127.0.0.1:9" in found["gateway"]["text"]


def test_a_certificate_that_nobody_vouches_for(home: Home) -> None:
    with run_sandbox() as info, run_sandbox() as other:
        home.use(info)
        home.env["DCGW_CA_FILE"] = other.ca_file
        found = findings(home, code=1)
    assert found["token"]["state"] == "failed"
    assert "certificate" in found["token"]["text"]
    assert "ca_file" in found["token"]["action"]


def test_a_gateway_that_is_not_there(home: Home) -> None:
    with run_sandbox() as info:
        home.use(info)
        home.env["DCGW_GATEWAY_URL"] = "ws://127.0.0.1:9"
        found = findings(home, code=1)
    assert found["token"]["state"] == "ok"
    assert found["gateway"]["state"] == "failed"
    assert "127.0.0.1:9" in found["gateway"]["text"]
    assert "gateway_url" in found["gateway"]["action"]


def test_fewer_identifies_than_shards(home: Home) -> None:
    with run_sandbox(shards=4, session_start_remaining=3) as info:
        home.use(info)
        found = findings(home)
    assert found["identifies"]["state"] == "warning"
    assert "3 of 1,000 are left" in found["identifies"]["text"]


def test_a_folder_too_long_for_sockets(home: Home) -> None:
    home.env["DCGW_RUNTIME_DIR"] = str(home.sockets / ("x" * 100))
    found = findings(home, code=1)
    assert found["sockets"]["state"] == "failed"
    assert "DCGW_RUNTIME_DIR" in found["sockets"]["action"]


def test_somebody_elses_package(home: Home, tmp_path: Path) -> None:
    """Another distribution's `coordinator` comes first on the path: no verb runs."""
    (tmp_path / "other" / "coordinator").mkdir(parents=True)
    (tmp_path / "other" / "coordinator" / "__init__.py").write_text("raise SystemExit('not ours')")
    home.env["PYTHONPATH"] = str(tmp_path / "other")
    for verb in (("doctor",), ("start", "--sandbox", "--detach")):
        done = home.cli(*verb)
        assert done.returncode == 2
        assert "is in the way of dcgw-cluster's package coordinator" in done.stderr
        assert done.stderr.count("\n") == 1
