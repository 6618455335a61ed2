"""[proxy]: where it may listen, and what it needs for that."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import pytest

from cluster.config.keys import ProxyConfig
from cluster.config.loading import load
from cluster.config.proxy import check_proxy, tls_of
from cluster.errors import ConfigError
from cluster.sandbox.http.certificates import make_certificates

CERTIFIED = {"certificate": "a.pem", "private_key": "b.pem"}


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"listen": "auto"},
        {"listen": "127.0.0.1:7320", "url": "ws://localhost:7320"},
        {"listen": "[::1]:7320", "certificate": "a.pem", "private_key": "b.pem"},
        {"listen": "0.0.0.0:443", "url": "wss://gateway.example.org/", **CERTIFIED},
        {"certificate": "unused where nothing listens"},
    ],
)
def test_what_can_be_had(more: dict[str, Any]) -> None:
    check_proxy(ProxyConfig(**more))


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"listen": "7320"}, "give ADDRESS:PORT"),
        ({"listen": "*:7320"}, r"0\.0\.0\.0"),
        ({"listen": "0.0.0.0:7320"}, "no certificate: set proxy.certificate"),
        ({"listen": "auto", "certificate": "a.pem"}, "proxy.private_key is not"),
        ({"listen": "auto", "private_key": "a.pem"}, "proxy.certificate is not"),
        ({"listen": "auto", "url": "https://gateway.example.org"}, "give wss://"),
        ({"listen": "auto", "url": "wss://a b"}, "give wss://"),
    ],
)
def test_what_can_not(more: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        check_proxy(ProxyConfig(**more))


def test_a_user_account_has_none() -> None:
    check_proxy(ProxyConfig(), "user")
    with pytest.raises(ConfigError, match="for bots"):
        check_proxy(ProxyConfig(listen="auto"), "user")


def test_files_are_those_beside_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "secrets").write_text("music 0123456789abcdef")
    (tmp_path / "secrets").chmod(0o644)
    file = tmp_path / "cluster.toml"
    file.write_text('[proxy]\nlisten = "auto"\nsecrets_file = "secrets"')
    spec, warnings = load(file=file, env={"DCGW_TOKEN": "t"}).spec()
    assert spec.proxy.secrets_file == str(tmp_path / "secrets")
    assert any("proxy.secrets_file" in warning for warning in warnings)
    assert "0123456789abcdef" not in repr(spec)
    loaded = load(file=file, env={"DCGW_TOKEN": "t", "DCGW_PROXY_SECRETS_FILE": "/nowhere"})
    with pytest.raises(ConfigError, match=r"proxy.secrets_file /nowhere can't be read"):
        loaded.spec()


def test_certificates_are_read_before_anybody_comes(tmp_path: Path) -> None:
    assert tls_of("", "") is None
    _, chain, key = make_certificates(datetime.datetime.now(datetime.UTC))
    _, _, another = make_certificates(datetime.datetime.now(datetime.UTC))
    for name, content in {"chain": chain, "key": key, "another": another, "none": b"-"}.items():
        (tmp_path / name).write_bytes(content)
    assert tls_of(str(tmp_path / "chain"), str(tmp_path / "key")) is not None
    for one, other in (("chain", "another"), ("none", "key"), ("chain", "none"), ("chain", "-")):
        with pytest.raises(ConfigError, match="can't be used"):
            tls_of(str(tmp_path / one), str(tmp_path / other))
