"""`proxy`: what it takes to let bots connect here to a cluster elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from click.testing import Result

from cluster.endpoints.curve_keys import ClientKeys, encode, pair

Dcgw = Callable[..., Result]
SECRET = "0123456789abcdef"


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    """A key that says where the cluster is, and secrets."""
    public, secret = pair()
    keys = ClientKeys(
        name="bots", server=pair()[0], public=public, secret=secret,
        events="tcp://127.0.0.1:1", replay="tcp://127.0.0.1:2", control="tcp://127.0.0.1:3",
    )  # fmt: skip
    made = tmp_path / "bots.key", tmp_path / "secrets"
    for file, content in zip(made, (encode(keys), f"music {SECRET}".encode()), strict=True):
        file.write_bytes(content)
        file.chmod(0o600)
    return made


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--listen", "0.0.0.0:443"), "there is no certificate"),
        (("--listen", "7320"), "give ADDRESS:PORT"),
        (("--certificate", "here.pem"), "proxy.private_key is not"),
        (("--url", "https://bots.example"), "give wss://"),
    ],
)
def test_what_can_not_be_had_is_said_at_once(
    dcgw: Dcgw, files: tuple[Path, Path], options: tuple[str, ...], said: str
) -> None:
    keys, secrets = files
    result = dcgw("proxy", "--keys", str(keys), "--secrets", str(secrets), *options)
    assert result.exit_code == 2
    assert said in result.stderr


def test_the_key_has_to_say_where_the_cluster_is(dcgw: Dcgw, files: tuple[Path, Path]) -> None:
    keys, secrets = files
    bare = msgspec.structs.replace(ClientKeys.read(keys), replay="")
    keys.write_bytes(encode(bare))
    result = dcgw("proxy", "--keys", str(keys), "--secrets", str(secrets))
    assert result.exit_code == 2
    assert "does not say where the cluster's replay endpoint is" in result.stderr


def test_secrets_are_looked_at_and_shown_nowhere(dcgw: Dcgw, files: tuple[Path, Path]) -> None:
    keys, secrets = files
    secrets.write_text(f"{SECRET}")
    result = dcgw("proxy", "--keys", str(keys), "--secrets", str(secrets))
    assert result.exit_code == 2
    assert "is no NAME SECRET" in result.stderr
    assert SECRET not in result.output + result.stderr
