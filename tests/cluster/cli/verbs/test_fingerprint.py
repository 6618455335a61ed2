"""``doctor --fingerprint`` for people: all of it is there, and what came is no markup."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from cluster.cli import main
from cluster.cli.terminal import fingerprint
from cluster.doctor.introductions import Fingerprint

SEEN = Fingerprint(
    what="websocket",
    ja4="t13d1516h1_8daaf6152771_5b37b36a67c0",
    ja4_r="t13d1516h1_002f_0005_0904",
    ja3="7757f1db95347d4524032dc039d78aff",
    ja3n="11a7f5f23ec2a0977c070e6bf5b708c8",
    ja3n_text="771,4865,0-5,29,0",
    alpn=["http/1.1"],
    extensions=["GREASE", "server_name"],
    akamai="",
    akamai_hash="",
    request="GET /?v=10 HTTP/1.1",
    headers=[("Host", "[red]localhost[/]"), ("Connection", "Upgrade")],
)


def test_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    async def heard(account: str, client_build_number: int) -> list[Fingerprint]:
        assert (account, client_build_number) == ("bot", 0)
        return [SEEN]

    monkeypatch.setattr(fingerprint, "fingerprints", heard)
    done = CliRunner().invoke(main, ["doctor", "--fingerprint"], catch_exceptions=False)
    assert done.exit_code == 0
    lines = done.stdout.splitlines()
    assert lines[0] == "The gateway: GET /?v=10 HTTP/1.1"
    assert f"JA4         {SEEN.ja4}" in lines
    assert "Akamai      none: HTTP/1.1" in lines
    assert "headers     Host: [red]localhost[/]" in lines
    assert "            Connection: Upgrade" in lines


def test_not_with_a_sandbox() -> None:
    done = CliRunner().invoke(main, ["doctor", "--fingerprint", "--sandbox"])
    assert (done.exit_code, done.stdout) == (2, "")
    assert "leave one of the two out" in done.stderr
