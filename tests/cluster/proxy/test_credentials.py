"""Who a client of the proxy is, by what it shows."""

from __future__ import annotations

import pytest

from cluster.proxy.credentials import KEY_BYTES, Credentials, token_digest

KEY = bytes(range(KEY_BYTES))
TOKEN = "MTIz.made.up"


@pytest.fixture
def credentials() -> Credentials:
    known = Credentials(token_key=KEY, digest_of_token=token_digest(KEY, TOKEN))
    known.renew({"music": "0123456789abcdef", "panel": "fedcba9876543210"})
    return known


@pytest.mark.parametrize(
    ("shown", "client"),
    [
        (TOKEN, ""),
        (f"Bot {TOKEN}", ""),
        ("0123456789abcdef", "music"),
        ("Bot fedcba9876543210", "panel"),
        ("", None),
        (TOKEN[:-1], None),
        (f"bot {TOKEN}", None),
        ("\udcff" * 9, None),
    ],
)
def test_a_client_by_what_it_shows(
    credentials: Credentials, shown: str, client: str | None
) -> None:
    assert credentials.client(shown) == client


def test_renewed_secrets_stand_in_place_of_those_before(credentials: Credentials) -> None:
    credentials.renew({"music": "another0123456789"})
    assert credentials.client("0123456789abcdef") is None
    assert credentials.client("fedcba9876543210") is None
    assert credentials.client("another0123456789") == "music"
    assert credentials.client(TOKEN) == ""
    assert len(credentials) == 2


def test_a_proxy_without_the_token_takes_secrets_alone() -> None:
    alone = Credentials()
    assert len(alone) == 0
    for shown in ("", TOKEN):
        assert alone.client(shown) is None


def test_a_digest_hangs_on_its_key() -> None:
    assert token_digest(KEY, TOKEN) != token_digest(KEY[::-1], TOKEN)
    assert TOKEN.encode() not in token_digest(KEY, TOKEN)


def test_neither_token_nor_secret_is_kept(credentials: Credentials) -> None:
    kept = repr(vars(credentials))
    assert TOKEN not in kept
    assert "0123456789abcdef" not in kept
