"""What a process of the proxy stands on: its socket, who may come, its certificate."""

from __future__ import annotations

import datetime
import logging
import socket
import ssl
from pathlib import Path
from typing import Any

import pytest

from cluster.errors import AlreadyRunningError, ConfigError
from cluster.proxy.credentials import token_digest
from cluster.proxy.ground import Ground, local_url
from cluster.proxy.spec import ProxySpec
from cluster.sandbox.http.certificates import make_certificates

KEY = bytes(32)
SECRETS = ("0123456789abcdef", "fedcba9876543210")


def spec(folder: Path, **more: Any) -> ProxySpec:
    usual: dict[str, Any] = {
        "state_dir": str(folder), "control": "ipc:///c", "events": [], "replay": "",
        "token_key": KEY.hex(), "token_digest": token_digest(KEY, "token").hex(),
        "listen": "127.0.0.1:1",
    }  # fmt: skip
    return ProxySpec(**usual | more)


def secrets(folder: Path, secret: str) -> str:
    (folder / "secrets").write_text(f"music {secret}")
    (folder / "secrets").chmod(0o600)
    return str(folder / "secrets")


def test_it_listens_where_it_is_told_or_on_what_it_was_given(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as given:
        host, port = given.getsockname()
        with pytest.raises(AlreadyRunningError, match="can't be used"):
            Ground.take(spec(tmp_path, listen=f"{host}:{port}"))
        with Ground.take(spec(tmp_path, listener=given.dup().detach())) as ground:
            assert ground.url == f"ws://127.0.0.1:{port}"
            with socket.create_connection((host, port), 5):
                ground.listener.accept()[0].close()
    with Ground.take(spec(tmp_path, listen=f"{host}:{port}")) as ground:
        assert ground.listener.getsockname() == (host, port)
    with pytest.raises(ConfigError, match="descriptor 999 is no socket"):
        Ground.take(spec(tmp_path, listener=999))


def test_somebody_has_to_be_able_to_come(tmp_path: Path) -> None:
    nobody = {"token_key": "", "token_digest": "", "listen": "auto"}
    with pytest.raises(ConfigError, match="nobody could connect"):
        Ground.take(spec(tmp_path, **nobody))
    file = secrets(tmp_path, SECRETS[0])
    with Ground.take(spec(tmp_path, secrets_file=file, **nobody)) as ground:
        assert ground.credentials.client(SECRETS[0]) == "music"


def test_what_can_not_be_read_again_changes_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    files = [tmp_path / name for name in ("chain.pem", "key.pem")]
    for _ in range(2):
        authority, *pair = make_certificates(datetime.datetime.now(datetime.UTC))
        for file, content in zip(files, pair, strict=True):
            file.write_bytes(content)
    certified = {"certificate": str(files[0]), "private_key": str(files[1])}
    made = spec(tmp_path, secrets_file=secrets(tmp_path, SECRETS[0]), listen="auto", **certified)
    with Ground.take(made) as ground:
        assert ground.url.startswith("wss://")
        secrets(tmp_path, SECRETS[1])
        ground.renew()
        assert ground.credentials.client(SECRETS[0]) is None
        assert ground.credentials.client(SECRETS[1]) == "music"
        assert ground.credentials.client("token") == ""
        (tmp_path / "secrets").write_text("music")
        ground.renew()
        assert ground.credentials.client(SECRETS[1]) == "music"
        secrets(tmp_path, SECRETS[0])
        files[1].write_bytes(b"no key")
        ground.renew()
        assert shown_by(ground, authority)
        for file, content in zip(files, pair, strict=True):
            file.write_bytes(content)
        other, *another = make_certificates(datetime.datetime.now(datetime.UTC))
        for file, content in zip(files, another, strict=True):
            file.write_bytes(content)
        ground.renew()
        assert shown_by(ground, other)
        assert not shown_by(ground, authority)
    levels = [record.levelname for record in caplog.records]
    assert levels == ["INFO", "ERROR", "ERROR", "INFO"]
    assert SECRETS[0] not in caplog.text


def shown_by(ground: Ground, authority: bytes) -> bool:
    """Return whether a client that trusts this authority trusts the proxy's certificate."""
    assert ground.tls is not None
    trusting = ssl.create_default_context(cadata=authority.decode())
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = trusting.wrap_bio(to_client, to_server, server_hostname="localhost")
    server = ground.tls.wrap_bio(to_server, to_client, server_side=True)
    for _ in range(4):
        for end in (client, server):
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
            except ssl.SSLError:
                return False
    return True


@pytest.mark.parametrize(
    ("host", "tls", "url"),
    [
        ("127.0.0.1", False, "ws://127.0.0.1:7320"),
        ("0.0.0.0", True, "wss://127.0.0.1:7320"),
        ("::", True, "wss://[::1]:7320"),
        ("10.0.0.5", True, "wss://10.0.0.5:7320"),
    ],
)
def test_where_a_client_on_this_host_finds_it(host: str, tls: bool, url: str) -> None:
    assert local_url(host, 7320, tls=tls) == url
